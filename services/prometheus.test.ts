import { environment } from '@ordermill/config'
import { ServerProblem } from '@ordermill/servers'
import { checkMetrics, havePrometheus, startPrometheus } from '@ordermill/servers/prometheus'
import { corner, until } from '@ordermill/servers/testing'
import t from 'tap'
import { get, post, startTestApi, startTestWorker } from './testing.ts'

const machine = environment()
const { env } = await corner(t, machine)
const { url } = await startTestApi(t, env)
const worker = await startTestWorker(t, env)

const counters = {
  [url]: ['records_accepted_total', 'cache_reads_total'],
  [worker.address]: [
    'records_persisted_total',
    'bulks_total',
    'records_parked_total',
    'persist_retries_total',
    'follower_changes_total',
    'changes_told_total',
    'records_flushed_total',
  ],
}

t.test('counters are there before anything was counted', async (t) => {
  for (const [address, names] of Object.entries(counters)) {
    const page = await metricsOf(address)
    for (const name of names) t.match(page, new RegExp(`^${name}\\{.*\\} 0$`, 'm'), name)
  }
})

t.test('what a Prometheus makes of the metrics after traffic', async (t) => {
  const programs = await havePrometheus(machine, (line) => t.comment(line)).catch((thrown: unknown) => {
    if (thrown instanceof ServerProblem) return thrown
    throw thrown
  })
  if (programs instanceof ServerProblem) return void t.plan(0, programs.message)
  await traffic()

  t.test('promtool finds nothing wrong with either page, and would find it', async (t) => {
    for (const address of Object.keys(counters)) t.equal(await checkMetrics(programs, await metricsOf(address)), '')
    t.match(await checkMetrics(programs, '# TYPE handles_total gauge\nhandles_total 1\n'), /_total/)
    t.match(await checkMetrics(programs, 'not a metric\n'), /error/)
  })

  t.test('a Prometheus scrapes both, and answers for a metric of each', async (t) => {
    const prometheus = await startPrometheus(programs, { targets: { api: url, worker: worker.address }, env: machine })
    t.teardown(() => prometheus.stop())
    const ask = (expression: string) =>
      until(`Prometheus answers for ${expression}`, async () => {
        const [first] = await prometheus.query(expression).catch(() => [])
        return first
      })
    t.match(await ask('records_accepted_total{job="api",collection="orders"} > 0'), {
      metric: { service: 'api' },
      value: 3,
    })
    t.match(await ask('records_persisted_total{job="worker",outcome="inserted"} > 0'), {
      metric: { service: 'worker', collection: 'orders' },
      value: 3,
    })
    t.match(await ask('sum(up)'), { value: 2 })
    t.match(await ask('sum(rate(http_request_duration_seconds_count{route="/api/orders"}[1m])) >= 0'), { metric: {} })
  })
})

async function traffic(): Promise<void> {
  for (const amount of [1, 2, 3])
    await post(`${url}/api/orders?wait=persisted&wait_ms=30000`, { product_name: 'LANTERN', amount })
  await post(`${url}/api/orders`, { amount: -1 })
  await post(`${url}/api/bulk-orders`, { item_1: 'LANTERN', item_2: 'ERROR' })
  await until('search finds them', async () => (await get(`${url}/api/search?q=lantern`)).body['total'] === 3)
  await post(`${url}/api/admin/refresh`, {})
  await get(`${url}/api/dashboard/sales`)
}

async function metricsOf(address: string): Promise<string> {
  return (await fetch(`${address}/metrics`)).text()
}
