import { Registry, Histogram as Theirs } from 'prom-client'
import t from 'tap'
import { Histogram } from './histogram.ts'

const buckets = [0.001, 0.01, 0.1, 1]

/** The pages of ours and of prom-client's after the same observations. */
async function pages(labelNames: string[], observations: [labels: Record<string, string | number>, value: number][]) {
  const parts = { name: 'took_seconds', help: 'Time it took.', labelNames, buckets }
  const [ours, theirs] = [new Registry(), new Registry()]
  for (const registry of [ours, theirs]) registry.setDefaultLabels({ service: 'api' })
  const mine = new Histogram(parts, ours)
  const other = new Theirs({ ...parts, registers: [theirs] })
  for (const [labels, value] of observations) {
    mine.observe(labels, value)
    other.observe(labels, value)
  }
  const [json, plain] = await Promise.all([ours, theirs].map((registry) => registry.getMetricsAsJSON()))
  t.same(withoutExemplars(json), withoutExemplars(plain))
  return { ours: await ours.metrics(), theirs: await theirs.metrics() }
}

t.test('the page says the same as that of the plain histogram: at bounds, between, below and above them', async (t) => {
  const values = [0, 0.001, 0.0011, 0.01, 0.05, 0.1, 0.5, 1, 1.0001, 60]
  const labels = [
    { route: '/a', status: 200 },
    { route: '/a', status: 404 },
    { route: '/b"\\\n', status: 200 },
  ]
  const observations = values.flatMap((value, at) =>
    labels.slice(0, 1 + (at % 3)).map((one): [Record<string, string | number>, number] => [one, value]),
  )
  const { ours, theirs } = await pages(['route', 'status'], observations)
  t.match(ours, /took_seconds_bucket\{le="0.01",service="api",route="\/a",status="200"\} 4/)
  t.equal(ours.split('\n').length, 3 * (buckets.length + 3) + 3)
  t.equal(ours, theirs)
})

t.test('without labels it stands at zero before anything was observed, as the plain one', async (t) => {
  const empty = await pages([], [])
  t.match(empty.ours, 'took_seconds_count{service="api"} 0')
  t.equal(empty.ours, empty.theirs)
  const one = await pages([], [[{}, 0.02]])
  t.equal(one.ours, one.theirs)
})

t.test('what is no number, or has no end, counts as none', async (t) => {
  const registry = new Registry()
  const mine = new Histogram({ name: 'took_seconds', help: 'Time it took.', labelNames: [], buckets }, registry)
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, 0.5]) mine.observe({}, value)
  t.match(await registry.metrics(), /took_seconds_sum 0\.5\ntook_seconds_count 1\n/)
})

const withoutExemplars = (found: unknown): unknown =>
  JSON.parse(JSON.stringify(found, (name, value) => (name === 'exemplar' ? undefined : value)))
