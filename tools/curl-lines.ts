import { environment } from '@ordermill/config'
import { until } from '@ordermill/servers/testing'
import { run } from './run-command.ts'

interface Asserts {
  ok(passed: boolean, message: string): void
  equal(found: unknown, wanted: unknown, message: string): void
}

/** What later lines take from an answer. */
const remembered = {
  ID: /"order_id":"([^"]+)"/,
  ETAG: /^etag: (.*?)\r?$/m,
  BULK: /"bulk_id":"([^"]+)"/,
  JOB: /"jobs":\[\{"id":"([^"]+)"/,
}

/** Runs every curl line of a page, in order, against running services: each must give the status it names. Says how many there were. */
export async function runCurlLines(t: Asserts, page: string, at: { api: string; worker: string }): Promise<number> {
  await until('the API is ready', async () => (await fetch(`${at.api}/health/ready`)).status === 200)
  await until('search answers', async () => (await fetch(`${at.api}/api/search?q=x`)).status === 200)
  const known: Record<string, string> = {}
  const lines = page.split('\n').filter((line) => line.startsWith('curl '))
  for (const line of lines) {
    const [, command = '', status = ''] = /^(.*) # (\d{3})$/.exec(line) ?? []
    t.ok(status !== '', `names its status: ${line}`)
    const here = command
      .replace('localhost:8080', at.api.slice('http://'.length))
      .replace('localhost:9091', at.worker.slice('http://'.length))
    const { stdout } = await run('bash', ['-c', `${here} -D - -w '\\n%{http_code}'`], {
      PATH: environment()['PATH'],
      ...known,
    })
    t.equal(stdout.slice(-3), status, `${line}\n${stdout}`)
    for (const [name, pattern] of Object.entries(remembered))
      known[name] = pattern.exec(stdout)?.[1] ?? known[name] ?? ''
  }
  return lines.length
}
