import { environment } from '@ordermill/config'
import { corner, removeKeys, until } from '@ordermill/servers/testing'
import t from 'tap'
import { get, patch, post, remove, startTestApi, startTestWorker } from './testing.ts'

const { env } = await corner(t, environment())
const { url } = await startTestApi(t, env)
await startTestWorker(t, env)
const orders = `${url}/api/orders`
const body = { product_name: 'KEYED CLOCK', amount: 12 }
const key = (name: string) => ({ 'idempotency-key': name })

t.test('the same key and body place one order, however often and however concurrently they are sent', async (t) => {
  const answers = await Promise.all(Array.from({ length: 20 }, () => post(orders, body, key('once'))))
  t.same(
    [...new Set(answers.map(({ status, body }) => `${status} ${body['status'] ?? body['code']}`))],
    ['202 processing'],
  )
  t.equal(new Set(answers.map((answer) => answer.body['order_id'])).size, 1)
  t.equal(answers.filter(({ headers }) => headers.get('idempotent-replayed') === null).length, 1)
  const reordered = await post(orders, { amount: 12, product_name: 'KEYED CLOCK' }, key('once'))
  t.equal(reordered.headers.get('idempotent-replayed'), 'true', 'the order of members is no difference')
  t.match(await post(orders, { ...body, amount: 13 }, key('once')), { status: 422, body: { code: 'key-reused' } })
})

t.test('a key is known after the cache has forgotten its order', async (t) => {
  const first = await post(`${orders}?wait=persisted&wait_ms=30000`, body, key('forgotten'))
  await removeKeys(env['REDIS_ADDR'] ?? '', `*${String(first.body['order_id'])}`)
  const again = await post(orders, body, key('forgotten'))
  t.equal(again.body['order_id'], first.body['order_id'])
  t.equal(again.headers.get('idempotent-replayed'), 'true')
})

t.test('a keyed change is made once, and checked before If-Match', async (t) => {
  const placed = await post(orders, body, key('to-change'))
  const order = `${orders}/${String(placed.body['order_id'])}`
  const etag = (await get(order)).headers.get('etag') ?? ''
  const headers = { ...key('change'), 'if-match': etag }
  t.match(await patch(order, { quantity: 2 }, headers), { status: 202, body: { version: 2 } })
  const again = await patch(order, { quantity: 2 }, headers)
  t.match(again, { status: 202, body: { version: 2 } }, 'though If-Match names the version before')
  t.equal(again.headers.get('idempotent-replayed'), 'true')
  t.match(await patch(order, { quantity: 3 }, headers), { status: 422, body: { code: 'key-reused' } })
  t.match((await get(order)).body, { version: 2, quantity: 2 })
})

t.test('a key is remembered beyond the last sixteen of its order', async (t) => {
  const placed = await post(orders, body, key('to-change-often'))
  const order = `${orders}/${String(placed.body['order_id'])}`
  for (let quantity = 2; quantity < 25; quantity += 1) await patch(order, { quantity }, key(`change-${quantity}`))
  await until('all are persisted', async () => {
    const versions = (await get(`${order}/history`)).body['versions'] as { dirty: boolean }[]
    return versions.length === 24 && versions.every(({ dirty }) => !dirty)
  })
  const again = await patch(order, { quantity: 2 }, key('change-2'))
  t.equal(again.headers.get('idempotent-replayed'), 'true')
  t.match((await get(order)).body, { version: 24, quantity: 24 })
  t.equal((await post(orders, body, key('to-change-often'))).headers.get('idempotent-replayed'), 'true')
})

t.test('a replay does not revive what was deleted', async (t) => {
  const placed = await post(orders, body, key('to-delete'))
  const order = `${orders}/${String(placed.body['order_id'])}`
  t.equal((await remove(order, key('delete'))).status, 202)
  const again = await remove(order, key('delete'))
  t.match(again, { status: 202, body: { version: 2 } })
  t.equal(again.headers.get('idempotent-replayed'), 'true')
  t.equal((await post(orders, body, key('to-delete'))).headers.get('idempotent-replayed'), 'true')
  t.equal((await get(order)).status, 404)
})

t.test('a key of more than 255 characters is refused', async (t) => {
  t.match(await post(orders, body, key('k'.repeat(256))), { status: 400, body: { code: 'key-malformed' } })
  t.equal((await post(orders, body, key('k'.repeat(255)))).status, 202)
})
