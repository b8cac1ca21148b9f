import { environment } from '@ordermill/config'
import { counterOf } from '@ordermill/servers/counting'
import { corner, until } from '@ordermill/servers/testing'
import t, { type Test } from 'tap'
import { post, startTestApi } from '../testing.ts'
import { firstLine, raw } from './testing.ts'

// No worker runs here: what is written stays where it can be counted.
const made = await corner(t, environment())
const { url } = await startTestApi(t, made.env)
const count = await counterOf(t, made)
const standing = await post(`${url}/api/orders`, { product_name: 'Lantern', amount: 1 })
const id = String(standing.body['order_id'])
await until('all marks are made', async () => (await count()).unsent === 0)

interface Write {
  call: string
  method: 'POST' | 'PATCH'
  path: string
  /** The body that carries one order's fields. */
  around(fields: string): string
  /** Where those fields are in it. */
  at: string
}
const writes: Write[] = [
  { call: 'POST', method: 'POST', path: '/api/orders', around: (fields) => fields, at: '' },
  { call: 'PATCH', method: 'PATCH', path: `/api/orders/${id}`, around: (fields) => fields, at: '' },
  {
    call: 'bulk',
    method: 'POST',
    path: '/api/bulk-orders',
    around: (fields) => `{"orders":[{"product_name":"fine","amount":1},${fields}]}`,
    at: '/orders/1',
  },
]

async function send({ method, path }: Pick<Write, 'method' | 'path'>, body: string | Uint8Array, type?: string) {
  const response = await fetch(url + path, {
    method,
    headers: { 'content-type': type ?? 'application/json', 'idempotency-key': `key ${Math.random()}` },
    body: body as string,
  })
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Record<string, unknown>,
  }
}

/** Sends and expects a problem document of this status, and nothing written anywhere. */
async function refused(t: Test, write: Write, body: string | Uint8Array, wanted: object, type?: string) {
  const answer = await send(write, body, type)
  const shown = `${write.call} ${typeof body === 'string' ? body.slice(0, 80) : 'bytes'}`
  t.match(answer.body, wanted, shown)
  t.match(answer.headers.get('content-type'), /^application\/problem\+json/, shown)
  t.equal(answer.body['status'], answer.status, shown)
  t.equal(answer.body['correlation_id'], answer.headers.get('x-correlation-id'), shown)
  t.equal(answer.body['type'], `urn:ordermill:problem:${String(answer.body['code'])}`, shown)
  t.notMatch(
    JSON.stringify(answer.body),
    /[a-z]Error|node_modules|\bat \/|SELECT|ECONN/,
    `${shown}: nothing of the inside`,
  )
}

const text = (product_name: string) => JSON.stringify({ product_name, amount: 1 })
/** Fields that break a rule: which one, and by which code. */
const fields: [json: string, pointer: string, code: string | RegExp][] = [
  [text(''), '/product_name', /length|minLength/],
  [text('   \t\n '), '/product_name', 'length'],
  [text('x'.repeat(501)), '/product_name', 'length'],
  [text('a\u0000b'), '/product_name', 'nul'],
  ['{"product_name":"a\\ud800b","amount":1}', '/product_name', 'surrogate'],
  ['{"product_name":"\\udc00","amount":1}', '/product_name', 'surrogate'],
  ['{"product_name":"x","amount":-0.01}', '/amount', 'minimum'],
  ['{"product_name":"x","amount":0.001}', '/amount', 'decimals'],
  ['{"product_name":"x","amount":1.5,"currency":"JPY"}', '/amount', 'decimals'],
  ['{"product_name":"x","amount":1000000000000}', '/amount', 'exclusiveMaximum'],
  ['{"product_name":"x","amount":1e400}', '/amount', 'type'],
  ['{"product_name":"x","amount":0.1000000000000000055}', '/amount', 'digits'],
  ['{"product_name":"x","amount":999999999999.99999999}', '/amount', 'digits'],
  ['{"product_name":"x","amount":"1"}', '/amount', 'type'],
  ['{"product_name":"x","amount":true}', '/amount', 'type'],
  ['{"product_name":"x","amount":[1]}', '/amount', 'type'],
  ['{"product_name":"x","amount":{"a":1}}', '/amount', 'type'],
  ['{"product_name":1,"amount":1}', '/product_name', 'type'],
  ['{"product_name":"x","amount":1,"quantity":0}', '/quantity', 'minimum'],
  ['{"product_name":"x","amount":1,"quantity":1.5}', '/quantity', 'type'],
  ['{"product_name":"x","amount":1,"quantity":2147483648}', '/quantity', 'maximum'],
  ['{"product_name":"x","amount":1,"currency":"usd"}', '/currency', 'pattern'],
  ['{"product_name":"x","amount":1,"currency":"XYZ"}', '/currency', /./],
  ['{"product_name":"x","amount":1,"placed_at":"yesterday"}', '/placed_at', 'format'],
  ['{"product_name":"x","amount":1,"placed_at":"2026-02-30T00:00:00Z"}', '/placed_at', /./],
  ['{"product_name":"x","amount":1,"colour":"red"}', '/colour', 'unknown'],
  ['{"product_name":"x","amount":1,"a/b~c":1}', '/a~1b~0c', 'unknown'],
  ['{"product_name":"x","amount":1,"__proto__":{"quantity":7}}', '/__proto__', 'unknown'],
  ['{"product_name":"x","amount":1,"version":7}', '/version', 'unknown'],
  ['{"product_name":"x","amount":1,"amount":2}', '/amount', 'repeated'],
  ['{"product_name":"x","amount" : 1,"am\\u006funt" : 2}', '/amount', 'repeated'],
]

for (const write of writes)
  t.test(
    `${write.call}: each field that breaks a rule is told by pointer and code, and nothing is written`,
    async (t) => {
      const before = await count()
      t.ok(before.keys > 0 && before.messages['orders.persist'] === 1, 'the order that stands is counted')
      for (const [json, pointer, code] of fields)
        await refused(t, write, write.around(json), {
          status: 422,
          code: 'invalid',
          errors: [{ pointer: write.at + pointer, code, detail: /^(must|is|has) / }],
        })
      t.same(await count(), before)
    },
  )

for (const write of writes)
  t.test(`${write.call}: a body that is no JSON object of its kind is told so, and nothing is written`, async (t) => {
    const before = await count()
    const malformed = { status: 400, code: 'malformed' }
    const fine = write.around(text('fine'))
    const bodies = ['', ' ', '{', fine.slice(0, -1), `${fine}}`, `${fine},`, "{'a':1}", '{"amount":NaN}', '{"amount":Infinity}', '{"amount":01}', '\ufeff{}'] // biome-ignore format: a table
    for (const body of bodies) await refused(t, write, body, malformed)
    for (const body of ['null', '1', '"text"', '[]', 'true'])
      await refused(t, write, body, {
        status: 422,
        errors: [{ pointer: '', code: 'type', detail: 'must be a JSON object' }],
      })

    await refused(t, write, Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), malformed)
    await refused(t, write, Buffer.from(fine, 'utf16le'), malformed)
    const deep = `${'['.repeat(100_000)}1.00000000000000000001${']'.repeat(100_000)}`
    for (const body of [deep, `{"a":${deep}}`, `${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`])
      await refused(t, write, write.around(body), malformed)
    await refused(t, write, write.around(text('x'.repeat(2 * 1024 * 1024))), { status: 413, code: 'too-large' })
    for (const type of ['text/plain', 'application/xml', 'application/x-www-form-urlencoded', 'multipart/form-data'])
      await refused(t, write, fine, { status: 415, code: 'wrong-content-type' }, type)
    t.same(await count(), before)
  })

t.test(
  'a body without a content type, compressed, or shorter than it says is refused, and nothing is written',
  async (t) => {
    const before = await count()
    const call = (headers: string, body: string) =>
      raw(url, `POST /api/orders HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${headers}\r\n\r\n${body}`)
    const fine = text('fine')
    t.match(firstLine(await call(`Content-Length: ${fine.length}`, fine)), /^HTTP\/1.1 415 /)
    const packed = await call(`Content-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: 3`, 'abc')
    t.match(packed, /^HTTP\/1.1 415 .*"code":"wrong-content-encoding"/s)
    const both = await call(
      `Content-Type: application/json\r\nContent-Length: 5\r\nTransfer-Encoding: chunked`,
      '0\r\n\r\n',
    )
    t.match(both, /^HTTP\/1.1 400 .*application\/problem\+json.*"code":"malformed"/s, 'a smuggled request')
    t.same(await count(), before)
  },
)

t.test('every fault of a body is told at once, and those of every item of a bulk', async (t) => {
  const { body } = await send(
    { method: 'POST', path: '/api/orders' },
    '{"product_name":"","amount":-1,"quantity":"2","colour":1}',
  )
  t.same((body['errors'] as { pointer: string }[]).map(({ pointer }) => pointer).sort(), ['/amount', '/colour', '/product_name', '/quantity']) // biome-ignore format: one line
  const bulk = await send(
    { method: 'POST', path: '/api/bulk-orders' },
    '{"orders":[{"product_name":"a"},{"amount":1}, 7]}',
  )
  t.match(bulk.body, { errors: [{ pointer: '/orders/0/amount', code: 'required' }, { pointer: '/orders/1/product_name', code: 'required' }, { pointer: '/orders/2', code: 'type' }] }) // biome-ignore format: one line
})
