/** What the API says of versions that it accepted: `GET /api/admin/accounting`. */
export interface Account {
  since: string
  exact: boolean
  accepted: number
  persisted: number
  rejected: number
  discarded: number
  parked: number
  in_flight: number
  difference: number
}

/** Where to ask. */
interface Asked {
  api: string
  env: Record<string, string | undefined>
}

/** @throws Error if it does not answer */
export const readAccount = async (asked: Asked): Promise<Account> =>
  (await ask(asked, '/api/admin/accounting')) as Account

/** How many changes the search engine does not know yet. @throws Error if it does not answer */
export async function readLag(asked: Asked): Promise<number> {
  const { engine, lag } = (await ask(asked, '/api/search?q=a&limit=1')) as {
    engine: string
    lag?: { changes: number }
  }
  if (engine !== 'elasticsearch' || lag === undefined) throw new Error('the search engine does not answer')
  return lag.changes
}

async function ask({ api, env }: Asked, path: string): Promise<unknown> {
  const { ADMIN_TOKEN: token = '' } = env
  const answer = await fetch(api + path, {
    headers: token === '' ? {} : { authorization: `Bearer ${token}` },
    signal: AbortSignal.timeout(10_000),
  })
  if (!answer.ok) throw new Error(`the API answers ${answer.status} to ${path}`)
  return await answer.json()
}
