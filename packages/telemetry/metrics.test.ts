import t from 'tap'
import { apiMetrics, createRegistry, workerMetrics } from './index.ts'

const services = {
  api: () => ({ registry: createRegistry('api'), make: apiMetrics }),
  worker: () => ({ registry: createRegistry('worker'), make: workerMetrics }),
}

/** What is wrong with a metric by the conventions of Prometheus (practices, 'Metric and label naming'). */
function wrongWith(metric: { name: string; help: string; type: string; labels: string[] }): string[] {
  const { name, help, type, labels } = metric
  const wrong: string[] = []
  if (!/^[a-z][a-z0-9_]*$/.test(name)) wrong.push(`${name} is not in snake case`)
  if (type === 'counter' && !name.endsWith('_total')) wrong.push(`${name} counts, and does not end in _total`)
  if (type !== 'counter' && name.endsWith('_total')) wrong.push(`${name} ends in _total, and does not count`)
  if (/duration|lag|age|time/.test(name) && !/_seconds(_total)?$/.test(name))
    wrong.push(`${name} is a time, not in seconds`)
  if (/_(ms|milliseconds|minutes|kb|mb)(_|$)/.test(name)) wrong.push(`${name} is not in a base unit`)
  if (type === 'histogram' && /_(count|sum|bucket)$/.test(name)) wrong.push(`${name} ends like a part of a histogram`)
  if (!/^[A-Z].*\.$/.test(help)) wrong.push(`${name} is not explained by a sentence`)
  if (labels.some((label) => ['id', 'order_id', 'correlation_id', 'key'].includes(label)))
    wrong.push(`${name} has a label with a value for each record`)
  return wrong
}

t.test('the conventions can be broken, and it is seen', async (t) => {
  const good = { name: 'x_total', help: 'How many.', type: 'counter', labels: ['outcome'] }
  t.strictSame(wrongWith(good), [])
  const bad = [
    { ...good, name: 'x' },
    { ...good, type: 'gauge' },
    { ...good, name: 'xY_total' },
    { ...good, name: 'x_duration', type: 'histogram' },
    { ...good, name: 'x_duration_ms', type: 'histogram' },
    { ...good, name: 'x_sum', type: 'histogram' },
    { ...good, help: 'how many' },
    { ...good, labels: ['order_id'] },
  ]
  for (const metric of bad) t.not(wrongWith(metric).length, 0, JSON.stringify(metric))
})

for (const [service, build] of Object.entries(services)) {
  t.test(`the metrics of the ${service} are named by the conventions, and each is explained`, async (t) => {
    const { registry, make } = build()
    const before = new Set((await registry.getMetricsAsJSON()).map(({ name }) => name)) // those of the process are not ours
    make(registry, ['orders'])
    const ours = (await registry.getMetricsAsJSON()).filter(({ name }) => !before.has(name))
    t.ok(ours.length >= 5, `${ours.length} metrics`)
    for (const { name, help, type } of ours) {
      const { labelNames = [] } = registry.getSingleMetric(name) as unknown as { labelNames?: string[] }
      t.strictSame(wrongWith({ name, help, type: String(type), labels: labelNames }), [], name)
    }
    t.ok(registry.getSingleMetric('db_query_duration_seconds'))
  })

  t.test(`the page of the ${service} says which service it is of, and has the figures of the process`, async (t) => {
    const { registry, make } = build()
    make(registry, ['orders'])
    const page = await registry.metrics()
    t.match(page, new RegExp(`process_resident_memory_bytes\\{service="${service}"\\} \\d+`))
    t.match(page, /^# HELP db_query_duration_seconds .+\.$/m)
  })
}

t.test('two services in one process have metrics of their own', async (t) => {
  const [one, other] = [createRegistry('api'), createRegistry('api')]
  const { accepted } = apiMetrics(one, ['orders'])
  for (let n = 0; n < 3; n += 1) accepted.inc('orders')
  apiMetrics(other, ['orders'])
  t.match(await one.metrics(), /records_accepted_total\{.*collection="orders".*\} 3/)
  t.notMatch(await other.metrics(), /records_accepted_total\{.*\} 3/)
})

t.test('a gauge that asks when it is read gives what stands then', async (t) => {
  const registry = createRegistry('api')
  let dirty = 1
  apiMetrics(registry, []).gauge('dirty_records', 'Dirty records.', ['mark'], function () {
    this.set({ mark: 'unsent' }, dirty)
  })
  t.match(await registry.metrics(), /dirty_records\{.*mark="unsent".*\} 1/)
  dirty = 2
  t.match(await registry.metrics(), /dirty_records\{.*mark="unsent".*\} 2/)
})

t.test('every counter stands at zero from the start for each known combination of labels', async (t) => {
  for (const { registry, make } of Object.values(services).map((build) => build())) {
    const before = new Set((await registry.getMetricsAsJSON()).map(({ name }) => name))
    make(registry, ['orders', 'parcels'])
    const counters = (await registry.getMetricsAsJSON()).filter(
      ({ name }) => !before.has(name) && name.endsWith('_total'),
    )
    t.not(counters.length, 0)
    for (const { name, values } of counters) {
      t.not(values.length, 0, name)
      t.ok(
        values.every(({ value }) => value === 0),
        name,
      )
    }
  }
  const registry = createRegistry('worker')
  workerMetrics(registry, ['orders', 'parcels'])
  t.match(await registry.metrics(), /bulks_total\{.*collection="parcels".*outcome="rolled_back".*\} 0/)
})
