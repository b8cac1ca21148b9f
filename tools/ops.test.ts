import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { environment } from '@ordermill/config'
import { corner, until } from '@ordermill/servers/testing'
import t from 'tap'
import { startTestApi, startTestWorker } from '../services/testing.ts'
import { runCurlLines } from './curl-lines.ts'
import { metricsOf, withTables } from './ops-page.ts'

const page = readFileSync(join(import.meta.dirname, '../docs/ops.md'), 'utf8')

t.test('the tables of the operations page are those of the code', async (t) => {
  t.equal(withTables(page), page, 'npm run docs writes them')
})

t.test('every code of a 503 stands on the operations page', async (t) => {
  const root = join(import.meta.dirname, '..')
  const sources = globSync('{services/api,packages/*}/**/*.ts', { cwd: root, exclude: ['**/node_modules/**'] })
  const codes = sources
    .filter((name) => !name.endsWith('.test.ts'))
    .flatMap((name) => [...readFileSync(join(root, name), 'utf8').matchAll(/new Unavailable\(\s*'([a-z-]+)'/g)])
    .map(([, code]) => code)
  t.ok(codes.length > 10, `${codes.length} places`)
  t.same([...new Set(codes)].filter((code) => !page.includes(`\`${code}\``)).sort(), [])
})

t.test('every curl line of the operations page works, in order, with the status it names', async (t) => {
  const { env } = await corner(t, environment())
  const { url } = await startTestApi(t, env)
  const { address } = await startTestWorker(t, env)
  await until('the worker is ready', async () => (await fetch(`${address}/health/ready`)).status === 200)
  t.ok((await runCurlLines(t, page, { api: url, worker: address })) > 30)
})

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
