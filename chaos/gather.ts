import { setTimeout as sleep } from 'node:timers/promises'
import type { Accounting, Evidence } from './checks/evidence.ts'
import type { Call, Head } from './load/history.ts'
import type { Stack } from './stack.ts'

interface Gathering {
  stack: Stack
  head: Head
  mayFail: boolean
  calls: Call[]
  before: number
  dead: string[]
  recovery: Pick<Evidence, 'recovery_s' | 'open'>
}

/** Asks the stores for all that the checks look at; the view is refreshed before. */
export async function gather({ stack, head, mayFail, calls, before, dead, recovery }: Gathering): Promise<Evidence> {
  const { stores } = stack
  const api = stack.apis[0]?.url ?? ''
  const unrefreshed = await refresh(api)
  const accounting = await accountingOf(api)
  const [stored, after, parked, rows, documents] = await Promise.all([
    stores.persisted(head.change_seq),
    stores.untouched(head.change_seq),
    stores.parked(head.parked),
    stores.rows(),
    stores.documents(),
  ])
  const [cached, dirty, accounted] = await Promise.all([stores.cached(), stores.dirty(), stores.accounted()])
  const [refreshes, viewDifferences] = await Promise.all([stores.refreshes(), stores.viewDifferences()])
  return {
    ...{ head, mayFail, calls, stored, parked, rows, documents, cached, dirty, accounting, accounted, dead },
    ...{ refreshes, viewDifferences, unrefreshed, ...recovery },
    untouched: { before, after },
    memory: stack.memory(),
  }
}

/** Two refreshes at once: one of them at least has to say that it was done. Gives what was answered instead. */
async function refresh(api: string): Promise<string | undefined> {
  const ask = async () => {
    const answer = await fetch(`${api}/api/admin/refresh`, {
      method: 'POST',
      signal: AbortSignal.timeout(60_000),
    })
    return { status: answer.status, text: await answer.text() }
  }
  for (let tries = 1; ; tries += 1) {
    const answers = await Promise.all([ask(), ask()])
    if (answers.some(({ status }) => status === 200)) return undefined
    if (tries === 50) return JSON.stringify(answers)
    await sleep(200)
  }
}

/** The accounting; it may take a moment until it is exact. */
async function accountingOf(api: string): Promise<Accounting> {
  for (let tries = 1; ; tries += 1) {
    const answer = await fetch(`${api}/api/admin/accounting`, { signal: AbortSignal.timeout(10_000) })
    const accounting = (await answer.json()) as Accounting
    if (accounting.exact || tries === 10) return accounting
    await sleep(300)
  }
}
