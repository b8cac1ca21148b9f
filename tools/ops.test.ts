import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { environment } from '@ordermill/config'
import { corner, until } from '@ordermill/servers/testing'
import t from 'tap'
import { startTestApi, startTestWorker } from '../services/testing.ts'
import { metricsOf, withTables } from './ops-page.ts'
import { run } from './run-command.ts'

const page = readFileSync(join(import.meta.dirname, '../docs/ops.md'), 'utf8')

t.test('the tables of the operations page are those of the code', async (t) => {
  t.equal(withTables(page), page, 'npm run docs writes them')
})

t.test('every curl line of the operations page works, in order, with the status it names', async (t) => {
  const { env } = await corner(t, environment())
  const { url } = await startTestApi(t, env)
  const worker = await startTestWorker(t, env)
  await until('the API is ready', async () => (await fetch(`${url}/health/ready`)).status === 200)
  await until('the worker is ready', async () => (await fetch(`${worker.address}/health/ready`)).status === 200)
  await until('search answers', async () => (await fetch(`${url}/api/search?q=x`)).status === 200)

  const known: Record<string, string> = {}
  const lines = page.split('\n').filter((line) => line.startsWith('curl '))
  t.ok(lines.length > 30, `${lines.length} lines`)
  for (const line of lines) {
    const [, command = '', status = ''] = /^(.*) # (\d{3})$/.exec(line) ?? []
    t.ok(status !== '', `names its status: ${line}`)
    const here = command
      .replace('localhost:8080', url.slice('http://'.length))
      .replace('localhost:9091', worker.address.slice('http://'.length))
    const { stdout } = await run('bash', ['-c', `${here} -D - -w '\\n%{http_code}'`], {
      PATH: environment()['PATH'],
      ...known,
    })
    t.equal(stdout.slice(-3), status, `${line}\n${stdout}`)
    for (const [name, pattern] of Object.entries(remembered))
      known[name] = pattern.exec(stdout)?.[1] ?? known[name] ?? ''
  }
})

/** What later lines take from an answer. */
const remembered = {
  ID: /"order_id":"([^"]+)"/,
  ETAG: /^etag: (.*?)\r?$/m,
  BULK: /"bulk_id":"([^"]+)"/,
  JOB: /"jobs":\[\{"id":"([^"]+)"/,
}

t.test('the metrics that the page names are those that the services give', async (t) => {
  const { env } = await corner(t, environment())
  const { url } = await startTestApi(t, env)
  const worker = await startTestWorker(t, env)
  for (const [service, address] of [
    ['api', url],
    ['worker', worker.address],
  ] as const) {
    const text = await (await fetch(`${address}/metrics`)).text()
    const given = [...text.matchAll(/^# TYPE (\S+)/gm)]
      .map(([, name]) => name)
      .filter((name) => !/^(process|nodejs)_/.test(name ?? ''))
    t.same(
      given.sort(),
      metricsOf(service)
        .map(({ name }) => name)
        .sort(),
      service,
    )
  }
})
