import { request } from 'node:http'
import { environment } from '@ordermill/config'
import { counterOf } from '@ordermill/servers/counting'
import { corner, until } from '@ordermill/servers/testing'
import t from 'tap'
import { post, startTestApi } from '../testing.ts'

// No worker runs here: what is written stays where it can be counted.
const made = await corner(t, environment())
const { url } = await startTestApi(t, made.env)
const count = await counterOf(t, made)
const order = { product_name: 'Lantern', amount: 1 }
const standing = await post(`${url}/api/orders`, order)
const id = String(standing.body['order_id'])
const quiet = () => until('all marks are made', async () => (await count()).unsent === 0)
await quiet()
const missing = '01936f5e-8a4c-7d20-9b1e-3f5a6c7d8e9f'

async function call(method: string, path: string, headers: Record<string, string> = {}, body?: unknown) {
  const json = body === undefined ? {} : { body: JSON.stringify(body) }
  const type: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' }
  const response = await fetch(url + path, { method, headers: { ...type, ...headers }, ...json })
  const text = await response.text()
  return { status: response.status, headers: response.headers, body: text === '' ? {} : (JSON.parse(text) as object) }
}
const writes = [
  ['POST', '/api/orders', order],
  ['PATCH', `/api/orders/${id}`, { amount: 2 }],
  ['DELETE', `/api/orders/${id}`, undefined],
  ['POST', '/api/bulk-orders', { orders: [order] }],
] as const

/** The status of a call that sends one header twice, which fetch would join. */
const sentTwice = (method: string, path: string, body: unknown): Promise<number | undefined> =>
  new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'idempotency-key': ['a', 'a'] }
    const sent = request(url + path, { method, headers }, (answer) => {
      answer.resume()
      resolve(answer.statusCode)
    })
    sent.on('error', reject)
    sent.end(body === undefined ? '{}' : JSON.stringify(body))
  })

t.test('an Idempotency-Key that is empty, too long or sent twice is refused on every write', async (t) => {
  const before = await count()
  t.equal(before.messages['orders.persist'], 1, 'the order that stands is counted')
  for (const [method, path, body] of writes) {
    for (const key of ['', 'k'.repeat(256), 'é'.repeat(256)]) {
      const answer = await call(method, path, { 'idempotency-key': key }, body)
      t.match(answer.body, { status: 400, code: 'key-malformed' }, `${method} ${path} ${key.length}`)
    }
    t.equal(await sentTwice(method, path, body), 400, `${method} ${path}: sent twice`)
  }
  t.same(await count(), before, 'nothing was written')
})

t.test('a key that was used for another body is refused, and its order stays as it was', async (t) => {
  const headers = { 'idempotency-key': 'once' }
  const first = await call('POST', '/api/orders', headers, order)
  t.equal(first.status, 202)
  await quiet()
  const before = await count()
  t.match((await call('POST', '/api/orders', headers, { ...order, amount: 2 })).body, {
    status: 422,
    code: 'key-reused',
  })
  const again = await call('POST', '/api/orders', headers, order)
  t.equal(again.headers.get('idempotent-replayed'), 'true')
  t.same(again.body, first.body)
  t.same(await count(), before)
})

t.test('If-Match: another version is 412, what is no list of tags is 400, and neither writes', async (t) => {
  const before = await count()
  for (const [method, body] of [
    ['PATCH', { amount: 2 }],
    ['DELETE', undefined],
  ] as const) {
    // biome-ignore format: one line
    for (const tag of ['"1-AAAAAAAAAAAAAAAAAAAAAA"', '"2-x", W/"1"', '""'])
      t.match((await call(method, `/api/orders/${id}`, { 'if-match': tag }, body)).body, { status: 412, code: 'version-conflict' }, tag) // biome-ignore format: one line
    for (const tag of ['1', 'abc', '"open', '"a" "b"', '"a",', ','])
      t.match((await call(method, `/api/orders/${id}`, { 'if-match': tag }, body)).body, { status: 400, code: 'malformed' }, tag) // biome-ignore format: one line
  }
  t.same(await count(), before)
})

t.test('steps that a status does not allow are 409, unknown ones 422', async (t) => {
  const before = await count()
  for (const status of ['shipped', 'delivered', 'returned'])
    t.match((await call('PATCH', `/api/orders/${id}`, {}, { status })).body, { status: 409 }, status)
  for (const status of ['lost', '', 'PLACED', 1, null])
    t.match((await call('PATCH', `/api/orders/${id}`, {}, { status })).body, { status: 422, errors: [{ pointer: '/status' }] }) // biome-ignore format: one line
  t.same(await count(), before)
})

t.test('what is no id is told so once, in plain words; an id of nothing is 404', async (t) => {
  const before = await count()
  const paths = ['/api/orders/', '/api/bulk-orders/', '/api/admin/jobs/']
  for (const path of paths)
    for (const wrong of [
      '1',
      'null',
      `${missing}x`,
      `{${missing}}`,
      "'; DROP TABLE orders; --",
      '%00',
      '..%2f..',
      'x'.repeat(3_000),
      '<b>',
    ]) {
      // biome-ignore format: one line
      const { body } = await call('GET', path + (wrong.startsWith('%') || wrong.includes('%2f') ? wrong : encodeURIComponent(wrong))) // biome-ignore format: one line
      t.same((body as { errors?: unknown }).errors, [{ parameter: 'id', code: 'format', detail: 'must be a UUID' }], path + wrong.slice(0, 40)) // biome-ignore format: one line
    }
  for (const path of paths) t.match((await call('GET', path + missing)).body, { status: 404, code: 'not-found' }, path)
  t.match((await call('GET', `/api/orders/${missing.toUpperCase()}`)).body, { status: 404 })
  t.match((await call('GET', `/api/orders/${missing}/history`)).body, { status: 404 })
  t.match((await call('PATCH', `/api/orders/${missing}`, {}, { amount: 2 })).body, { status: 404 })
  t.match((await call('DELETE', `/api/orders/${missing}`)).body, { status: 404 })
  t.same(await count(), before)
})

t.test('a path that is none, or of no route, is a problem document with its correlation id', async (t) => {
  for (const [method, path, status] of [
    ['GET', '/api/orders/%zz', 400],
    ['GET', '/nowhere', 404],
    ['PUT', `/api/orders/${id}`, 404],
    ['OPTIONS', '/api/orders', 404],
  ] as const) {
    // biome-ignore format: one line
    const { headers, body } = await call(method, path, { 'x-correlation-id': 'mine-1' })
    t.match(body, { status, correlation_id: 'mine-1' }, path)
    t.equal(headers.get('x-correlation-id'), 'mine-1')
    t.match(headers.get('content-type'), /^application\/problem\+json/)
  }
})

t.test('wrong parameters are named one by one, each once, in plain words', async (t) => {
  const wrong = async (path: string, parameter: string, detail: RegExp) => {
    const { status, body } = await call('GET', path)
    t.equal(status, 422, path)
    const { errors } = body as { errors: object[] }
    t.equal(errors.length, 1, path)
    t.match(errors, [{ parameter, code: /^\w+$/, detail }], path)
    t.notOk('pointer' in (errors[0] ?? {}), 'a parameter has no place in a body')
  }
  for (const limit of ['0', '101', '-1', '1.5', '1e1', 'ten', '', ' 1', '%2B1', 'true', '1&limit=2', '9'.repeat(30)])
    await wrong(`/api/orders?limit=${limit}`, 'limit', /^must be a whole number from 1 to 100$/)
  for (const time of [
    'yesterday',
    '2026-01-31',
    '2026-02-30T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '0000-01-01T00:00:00Z',
    '1',
    '%00',
  ])
    await wrong(`/api/orders?from=${time}`, 'from', /^must be /)
  await wrong('/api/orders?status=lost', 'status', /^must be one of placed, confirmed, /)
  await wrong('/api/orders?status=placed&status=shipped', 'status', /^must be one of /)
  await wrong('/api/orders?customer_id=', 'customer_id', /^must be text of 1 to 255 characters$/)
  await wrong('/api/orders?customer_id=a%00b', 'customer_id', /^must not contain the character U\+0000$/)
  await wrong('/api/orders?colour=red', 'colour', /^is unknown here: there are limit, cursor, from, /)
  await wrong('/api/search', 'q', /^is required$/)
  await wrong('/api/search?q=', 'q', /^must be text of 1 to 500 characters$/)
  await wrong(`/api/search?q=${'x'.repeat(501)}`, 'q', /^must be text /)
  await wrong('/api/dashboard/sales?from=31.1.2026', 'from', /^must be a day, as in 2026-01-31$/)
  await wrong('/api/dashboard/sales?from=2026-01-02&to=2026-01-01', 'from', /^must not be after 2026-01-01$/)
  await wrong('/api/dashboard/sales?currency=usd', 'currency', /^must /)
  const both = await call('GET', '/api/orders?limit=0&status=lost&colour=red')
  t.match(both.body, { errors: [{ parameter: 'limit' }, { parameter: 'status' }, { parameter: 'colour' }] })
})

t.test('a write with a wrong parameter is refused, and nothing is written', async (t) => {
  const before = await count()
  for (const query of ['wait=soon', 'wait=persisted&wait_ms=30001', 'wait_ms=-1', 'wiat=persisted'])
    t.match((await call('POST', `/api/orders?${query}`, {}, order)).body, { status: 422, code: 'invalid' }, query)
  t.same(await count(), before)
})

t.test('a cursor that was edited by hand, cut or made up is refused', async (t) => {
  const forge = (text: string) => Buffer.from(text).toString('base64url')
  const good = forge(`2026-01-31T09:30:00.125Z ${missing}`)
  t.equal((await call('GET', `/api/orders?cursor=${good}`)).status, 200, 'one of ours is taken')
  const at = '2026-01-31T09:30:00.125Z'
  for (const cursor of [
    'x',
    good.slice(0, -1),
    `${good}A`,
    `${good}=`,
    forge(at),
    forge(`${at} 1`),
    forge(`${at} ${missing} more`),
    forge(`2026-02-31T09:30:00.125Z ${missing}`),
    forge(`0000-01-01T00:00:00.000Z ${missing}`),
    forge(`${at} ' OR 1=1`),
    forge('{"id":1}'),
  ]) {
    // biome-ignore format: one line
    const { body } = await call('GET', `/api/orders?cursor=${encodeURIComponent(cursor)}`)
    t.match(body, { status: 422, errors: [{ parameter: 'cursor', detail: 'must be a next_cursor as an answer gave it' }] }, cursor) // biome-ignore format: one line
  }
  t.match((await call('GET', `/api/orders?cursor=${'A'.repeat(201)}`)).body, { errors: [{ parameter: 'cursor' }] })
})

t.test('bulks of none, of 1,001, of neither form and of both are refused, and nothing is written', async (t) => {
  const before = await count()
  const bulk = async (body: unknown, errors: object[]) =>
    t.match((await call('POST', '/api/bulk-orders', {}, body)).body, { status: 422, errors }, JSON.stringify(body).slice(0, 60)) // biome-ignore format: one line
  await bulk({ orders: [] }, [{ pointer: '/orders', code: 'length' }])
  await bulk({ orders: Array(1_001).fill(order) }, [{ pointer: '/orders', code: 'length', detail: /1 to 1000/ }])
  await bulk({}, [{ pointer: '/orders', code: 'required' }])
  await bulk({ orders: order }, [{ pointer: '/orders', code: 'type' }])
  await bulk({ item_1: 'a' }, [{ pointer: '/item_2' }])
  await bulk({ item_1: 'a', item_2: '' }, [{ code: /ength/ }])
  await bulk({ item_1: 'a', item_2: 'b', orders: [order] }, [{ pointer: '/orders', code: 'either' }])
  await bulk({ orders: [order], 'a/b': 1 }, [{ pointer: '/a~1b', code: 'unknown' }])
  await bulk({ orders: [...Array(998).fill(order), { ...order, amount: -1 }, order] }, [{ pointer: '/orders/998/amount', code: 'minimum' }]) // biome-ignore format: one line
  t.same(await count(), before)
})
