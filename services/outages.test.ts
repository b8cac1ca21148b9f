import { once } from 'node:events'
import { environment } from '@ordermill/config'
import { createDatabase } from '@ordermill/database'
import { startServer } from '@ordermill/servers'
import { corner, until } from '@ordermill/servers/testing'
import t from 'tap'
import { get, many, post, spawnService, startTestApi } from './testing.ts'

const orders = 5_000

t.test(
  'with the worker killed three times and Elasticsearch stopped meanwhile, every order is persisted once and found',
  async (t) => {
    const { env: shared } = await corner(t, environment())
    const elasticsearch = await startServer('elasticsearch', { env: environment() })
    t.teardown(() => elasticsearch.remove())
    const env = { ...shared, ...elasticsearch.env, LOG_LEVEL: 'info' }
    const { url } = await startTestApi(t, { ...env, LOG_LEVEL: 'silent' })
    const database = createDatabase({
      dsn: shared['POSTGRES_DSN'] ?? '',
      name: 'test',
      poolMax: 2,
      timeout_ms: 5_000,
      onLost: () => undefined,
    })
    t.teardown(() => database.stop())
    const persisted = async () =>
      (await database.query<{ n: number }>({ text: 'SELECT count(*) AS n FROM orders' }))[0]?.n ?? 0

    let worker = spawnService(t, 'worker', env)
    const said: string[] = []
    const kill = async () => {
      worker.child.kill('SIGKILL')
      await once(worker.child, 'exit')
      said.push(worker.output())
      worker = spawnService(t, 'worker', env)
    }
    const codes = new Map<number, number>()
    const load = many(orders, 50, async (index) => {
      if (index === 500) await elasticsearch.kill('SIGKILL')
      if (index === 1_000 || index === 2_500 || index === 4_000) await kill()
      const { status } = await post(`${url}/api/orders`, {
        product_name: `OUTAGE ${index}`,
        amount: (index % 1_000) / 100,
        currency: 'GBP',
      })
      codes.set(status, (codes.get(status) ?? 0) + 1)
    })
    await load
    t.same([...codes], [[202, orders]], 'all are accepted')
    await until('all are persisted', async () => (await persisted()) === orders, 60_000)
    t.pass('all are persisted while Elasticsearch is away')

    await elasticsearch.start()
    await until('all are found', async () => (await get(`${url}/api/search?q=outage`)).body['total'] === orders, 60_000)
    const [sum] = await database.query<{ total: string; ids: number }>({
      text: 'SELECT trim_scale(sum(amount))::text AS total, count(DISTINCT product_name) AS ids FROM orders',
    })
    const cents = Array.from({ length: orders }, (_, index) => index % 1_000).reduce(
      (total, amount) => total + amount,
      0,
    )
    t.same(sum, { total: String(cents / 100), ids: orders }, 'each once, to the cent')
    said.push(worker.output())
    t.notMatch(said.join('\n'), /"level":"(error|fatal)"/)
  },
)

t.test('what is accepted while the broker is away is persisted once it is back', async (t) => {
  const { env: shared } = await corner(t, environment())
  const rabbitmq = await startServer('rabbitmq', { env: environment() })
  t.teardown(() => rabbitmq.remove())
  const env = { ...shared, ...rabbitmq.env, LOG_LEVEL: 'info', FLUSH_AFTER_MS: '60000' }
  const { url } = await startTestApi(t, { ...env, LOG_LEVEL: 'silent' })
  const worker = spawnService(t, 'worker', env)
  await until('the worker runs', () => worker.output().includes('the worker runs'))
  const place = async (name: string) =>
    (await post(`${url}/api/orders`, { product_name: name, amount: 1 })).body['order_id']
  const isPersisted = async (id: unknown) => {
    const { body } = await get(`${url}/api/orders?limit=100`)
    return (body['orders'] as { id: string }[]).some((order) => order.id === id)
  }
  const before = await place('BEFORE')
  await until('the first is persisted', () => isPersisted(before))

  await rabbitmq.kill('SIGKILL')
  const meanwhile = await Promise.all(Array.from({ length: 20 }, (_, index) => place(`MEANWHILE ${index}`)))
  t.ok(
    meanwhile.every((id) => typeof id === 'string'),
    'all are accepted',
  )
  t.match((await get(`${url}/api/orders/${String(meanwhile[0])}`)).body, { product_name: 'MEANWHILE 0' })
  t.equal((await post(`${url}/api/bulk-orders`, { item_1: 'a', item_2: 'b' })).status, 503, 'a bulk needs the broker')

  await rabbitmq.start()
  for (const id of meanwhile) await until('it is persisted', () => isPersisted(id), 40_000)
  t.pass('all are persisted')
})
