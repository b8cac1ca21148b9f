import { environment } from '@ordermill/config'
import { createDatabase } from '@ordermill/database'
import { corner, until } from '@ordermill/servers/testing'
import t from 'tap'
import { get, post, startTestApi, startTestWorker } from './testing.ts'

const { env } = await corner(t, environment())
const { url } = await startTestApi(t, env)
await startTestWorker(t, env)
const bulks = `${url}/api/bulk-orders`
const database = createDatabase({
  dsn: env['POSTGRES_DSN'] ?? '',
  name: 'test',
  poolMax: 1,
  timeout_ms: 5_000,
  onLost: () => undefined,
})
t.teardown(() => database.stop())
const count = async () => (await database.query<{ n: number }>({ text: 'SELECT count(*) AS n FROM orders' }))[0]?.n
const order = (index: number) => ({ product_name: `BULK ${index}`, amount: index })

t.test('a bulk of a thousand is committed as one', async (t) => {
  const before = (await count()) ?? 0
  const { status, body, headers } = await post(bulks, {
    orders: Array.from({ length: 1_000 }, (_, index) => order(index)),
  })
  t.equal(status, 201)
  t.equal(body['status'], 'committed')
  const ids = body['order_ids'] as string[]
  t.equal(ids.length, 1_000)
  t.equal(await count(), before + 1_000)
  t.match((await get(`${url}/api/orders/${ids[7]}`)).body, { product_name: 'BULK 7', amount: 7, version: 1 })
  t.match((await get(url + headers.get('location'))).body, { status: 'committed' })
  await until('they are found', async () => (await get(`${url}/api/search?q=bulk`)).body['total'] === 1_000)
})

t.test(
  'a bulk with one record that fails inside the transaction is rolled back whole, and says which and why',
  async (t) => {
    const before = await count()
    const { status, body } = await post(bulks, { orders: [order(1), { product_name: 'ERROR', amount: 1 }, order(2)] })
    t.equal(status, 422)
    t.match(body, { code: 'rolled-back', errors: [{ pointer: '/orders/1', code: 'simulated-failure' }] })
    t.equal(await count(), before)
  },
)

t.test('two names are a bulk of two', async (t) => {
  const { status, body } = await post(bulks, { item_1: 'CUP', item_2: 'SAUCER' })
  t.equal(status, 201)
  const [id] = body['order_ids'] as string[]
  t.match((await get(`${url}/api/orders/${id}`)).body, { product_name: 'CUP', amount: 0 })
})

t.test('the same key and bulk are done once; another bulk under it is refused', async (t) => {
  const before = (await count()) ?? 0
  const key = { 'idempotency-key': 'bulk' }
  const first = await post(bulks, { orders: [order(1), order(2)] }, key)
  const again = await post(bulks, { orders: [order(1), order(2)] }, key)
  t.equal(first.status, 201)
  t.equal(again.headers.get('idempotent-replayed'), 'true')
  t.same(again.body, first.body)
  t.equal((await post(bulks, { orders: [order(1), order(3)] }, key)).status, 422)
  t.equal(await count(), before + 2)
})

t.test('a bulk nobody waits for is answered 202, and its outcome is found later', async (t) => {
  const { status, headers } = await post(`${bulks}?wait_ms=0`, { orders: [order(1)] })
  t.equal(status, 202)
  const place = url + headers.get('location')
  t.ok(['processing', 'committed'].includes(String((await get(place)).body['status'])))
  await until('it is committed', async () => (await get(place)).body['status'] === 'committed')
  t.equal((await get(`${bulks}/01a1fd0c-ad37-77b8-9cc8-8b52bcec7e80`)).status, 404)
})

t.test('every fault of every record is told at once, and nothing is written', async (t) => {
  const before = await count()
  const { status, body } = await post(bulks, { orders: [order(1), { product_name: '', amount: -1 }, { amount: 1 }] })
  t.equal(status, 422)
  const errors = body['errors'] as { pointer: string }[]
  t.same(errors.map(({ pointer }) => pointer).sort(), [
    '/orders/1/amount',
    '/orders/1/product_name',
    '/orders/2/product_name',
  ])
  for (const wrong of [
    { orders: [] },
    { orders: Array.from({ length: 1_001 }, (_, at) => order(at)) },
    { orders: 'x' },
    {},
    { item_1: 'a' },
  ])
    t.equal((await post(bulks, wrong)).status, 422)
  t.equal(await count(), before)
})
