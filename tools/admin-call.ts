import { environment } from '@ordermill/config'

export interface AdminCall {
  method: 'GET' | 'POST'
  /** Below /api/admin. */
  path: string
  body?: Record<string, unknown>
}
interface Where {
  /** Where the API is, if not at 127.0.0.1 and API_PORT. */
  api?: string | undefined
}
type Answer = Record<string, unknown>

/** Calls the API as an operator, with ADMIN_TOKEN from the environment. @throws Error with what the API says is wrong */
export async function callAdmin({ method, path, body }: AdminCall, { api }: Where): Promise<Answer> {
  const { ADMIN_TOKEN: token = '', API_PORT: port = '8080' } = environment()
  const base = api ?? `http://127.0.0.1:${port}`
  const headers = {
    ...(token === '' ? {} : { authorization: `Bearer ${token}` }),
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
  }
  const asked = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) }
  const response = await fetch(`${base}/api/admin${path}`, asked).catch((cause: unknown) => {
    throw new Error(`no API answers at ${base}`, { cause })
  })
  const said = (await response.json()) as Answer
  if (response.ok) return said
  const { errors = [], detail } = said as { detail?: string; errors?: Record<string, string>[] }
  const faults = errors.map(({ pointer, parameter, detail: why }) => `\n  ${parameter ?? pointer}: ${why}`)
  throw new Error(`${response.status}: ${detail ?? ''}${faults.join('')}`)
}

/** How often is looked whether a job has ended. */
const look_ms = 500

/** The result of a job, of which an answer may be the result already, or the job that goes on. @throws Error if it failed */
export async function jobEnded(answer: Answer, where: Where): Promise<Answer> {
  for (let job = answer; ; job = await callAdmin({ method: 'GET', path: `/jobs/${job['id']}` }, where)) {
    if (!('state' in job)) return job
    if (job['state'] === 'COMPLETED') return job['result'] as Answer
    if (job['state'] === 'FAILED' || job['state'] === 'CANCELLED')
      throw new Error(`the job ${job['id']} is ${job['state']}: ${job['error']}`)
    await new Promise((resolve) => setTimeout(resolve, look_ms))
  }
}
