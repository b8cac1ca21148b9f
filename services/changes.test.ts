import { environment } from '@ordermill/config'
import { corner, until } from '@ordermill/servers/testing'
import t from 'tap'
import { get, many, patch, post, remove, startTestApi, startTestWorker } from './testing.ts'

const { env } = await corner(t, environment())
const { url } = await startTestApi(t, env)
await startTestWorker(t, env)
const orders = `${url}/api/orders`

const place = async (body: Record<string, unknown> = {}) => {
  const { body: receipt } = await post(`${orders}?wait=persisted&wait_ms=30000`, {
    product_name: 'TEAPOT',
    amount: 3.5,
    ...body,
  })
  return `${orders}/${String(receipt['order_id'])}`
}

t.test('an order goes its way step by step, and no other way', async (t) => {
  const order = await place()
  for (const status of ['confirmed', 'shipped', 'delivered', 'returned']) {
    const changed = await patch(order, { status })
    t.equal(changed.status, 202, status)
    t.match((await get(order)).body, { status })
  }
  for (const status of ['placed', 'confirmed', 'cancelled', 'delivered']) {
    const refused = await patch(order, { status })
    t.equal(refused.status, 409, status)
    t.equal(refused.body['code'], 'step-not-allowed')
  }
  const cancelled = await place()
  t.equal((await patch(cancelled, { status: 'cancelled' })).status, 202)
  t.equal((await patch(cancelled, { status: 'confirmed' })).status, 409)
})

t.test('a change merges: what is not named stays, null takes an optional field away', async (t) => {
  const order = await place({ customer_id: '17850', reference: 'A-1', quantity: 2 })
  t.equal((await patch(order, { quantity: 5, customer_id: null })).status, 202)
  t.match((await get(order)).body, { version: 2, quantity: 5, customer_id: null, reference: 'A-1', amount: 3.5 })
  t.equal((await patch(order, { quantity: null })).status, 422)
  t.equal((await patch(order, { currency: 'JPY' })).status, 422, '3.5 is no amount in yen')
  t.equal((await patch(order, { currency: 'JPY', amount: 4 })).status, 202)
})

t.test('a change that changes nothing makes no version', async (t) => {
  const order = await place()
  const same = await patch(order, { amount: 3.5, product_name: ' TEAPOT ' })
  t.match(same, { status: 200, body: { status: 'unchanged', version: 1 } })
  t.match((await get(order)).body, { version: 1 })
})

t.test('If-Match lets through who has read what stands, and nobody else', async (t) => {
  const order = await place()
  const etag = (await get(order)).headers.get('etag') ?? ''
  t.equal((await patch(order, { quantity: 2 }, { 'if-match': etag })).status, 202)
  t.match(await patch(order, { quantity: 3 }, { 'if-match': etag }), {
    status: 412,
    body: { code: 'version-conflict' },
  })
  t.equal(
    (await patch(order, { quantity: 3 }, { 'if-match': `W/${(await get(order)).headers.get('etag')}` })).status,
    412,
  )
  t.equal((await remove(order, { 'if-match': etag })).status, 412)
  t.equal((await patch(order, { quantity: 4 }, { 'if-match': '*' })).status, 202)
  t.match(await patch(order, { quantity: 5 }, { 'if-match': 'nonsense' }), { status: 400, body: { code: 'malformed' } })
})

t.test('who has the version that stands is told so with 304', async (t) => {
  const order = await place()
  const etag = (await get(order)).headers.get('etag') ?? ''
  t.equal((await get(order, { 'if-none-match': etag })).status, 304)
  t.equal((await get(order, { 'if-none-match': `"other", W/${etag}` })).status, 304)
  await patch(order, { quantity: 9 })
  t.equal((await get(order, { 'if-none-match': etag })).status, 200)
})

t.test('a deleted order is gone everywhere, and its history stays', async (t) => {
  const order = await place({ product_name: 'VANISHING LAMP' })
  const found = async () => Number((await get(`${url}/api/search?q=vanishing`)).body['total'])
  await until('it is found', async () => (await found()) === 1)
  t.match(await remove(`${order}?wait=persisted&wait_ms=30000`), {
    status: 200,
    body: { status: 'persisted', version: 2 },
  })
  t.equal((await get(order)).status, 404)
  t.equal((await patch(order, { quantity: 2 })).status, 404)
  t.equal((await remove(order)).status, 404)
  await until('it is found no more', async () => (await found()) === 0)
  const listed = (await get(orders)).body['orders'] as { id: string }[]
  t.notOk(listed.some(({ id }) => order.endsWith(id)))
  t.match((await get(`${order}/history`)).body, {
    versions: [
      { version: 1, deleted: false },
      { version: 2, deleted: true },
    ],
  })
})

t.test('the history has every version, with what changed', async (t) => {
  const order = await place()
  await patch(order, { quantity: 3, status: 'confirmed' })
  await patch(`${order}?wait=persisted&wait_ms=30000`, { amount: 9.99 })
  const { body } = await get(`${order}/history`)
  t.match(body, {
    versions: [
      { version: 1, status: 'placed' },
      {
        version: 2,
        status: 'confirmed',
        changes: [
          { field: 'status', from: 'placed', to: 'confirmed' },
          { field: 'quantity', from: 1, to: 3 },
        ],
      },
      { version: 3, dirty: false, changes: [{ field: 'amount', from: 3.5, to: 9.99 }] },
    ],
  })
})

t.test('a hundred changes at once make a hundred versions, one on top of the other', async (t) => {
  const order = await place({ quantity: 1 })
  const codes: number[] = []
  await many(100, 10, async (index) => {
    const { status } = await patch(order, { amount: index + 100 })
    codes.push(status)
  })
  const accepted = codes.filter((code) => code === 202).length
  t.ok(accepted > 50, `${accepted} were accepted`)
  t.ok(codes.every((code) => code === 202 || code === 503))
  const last = await patch(`${order}?wait=persisted&wait_ms=30000`, { quantity: 77 })
  t.match(last.body, { status: 'persisted', version: accepted + 2 })
  const versions = (await get(`${order}/history`)).body['versions'] as { version: number; dirty: boolean }[]
  t.same(
    versions.map(({ version }) => version),
    Array.from({ length: accepted + 2 }, (_, at) => at + 1),
  )
})
