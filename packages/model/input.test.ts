import t from 'tap'
import { Invalid, orders, readCreate, readPatch } from './index.ts'
import { body, faultsOfCreate, faultsOfPatch, now, standing } from './testing.ts'

t.test('a body with only the required fields is completed with defaults, and what is optional is null', async (t) => {
  t.strictSame(readCreate(orders, { product_name: ' Tea ', amount: 2.5 }, now), {
    product_name: 'Tea',
    quantity: 1,
    amount: 2.5,
    currency: 'USD',
    customer_id: null,
    reference: null,
    placed_at: now,
  })
})

t.test('a body with every field is taken as it is', async (t) => {
  const whole = {
    product_name: 'Tea',
    quantity: 3,
    amount: 7.5,
    currency: 'GBP',
    customer_id: '17850',
    reference: '536365',
    placed_at: '2026-01-01T10:00:00.000Z',
  }
  t.strictSame(readCreate(orders, whole, now), whole)
})

t.test('a body that is no object has one fault, and it is the whole', async (t) => {
  for (const wrong of [null, [], [{}], 'text', 5, true, undefined])
    t.strictSame(faultsOfCreate(wrong), [': must be a JSON object'], JSON.stringify(wrong))
})

t.test('an empty body lacks exactly what is required', async (t) => {
  t.strictSame(faultsOfCreate({}), ['/product_name: is required', '/amount: is required'])
})

t.test('every rule that a body breaks is told at once, in words that a stranger understands', async (t) => {
  const wrong = {
    product_name: '   ',
    quantity: 0,
    amount: -1,
    currency: 'usd',
    customer_id: '',
    reference: 5,
    placed_at: 'yesterday',
    colour: 'red',
    'a/b~c': 1,
    status: 'placed',
  }
  const known = 'is unknown here: there are product_name, quantity, amount, currency, customer_id, reference, placed_at'
  t.strictSame(faultsOfCreate(wrong).sort(), [
    '/amount: must be a number, 0 or more and below 1000000000000',
    `/a~1b~0c: ${known}`,
    `/colour: ${known}`,
    '/currency: must be three capital letters (ISO 4217), as in GBP',
    '/customer_id: must be text of 1 to 255 characters, or null',
    '/placed_at: must be a date and time with its offset, as in 2026-01-31T09:30:00Z (RFC 3339)',
    '/product_name: must have 1 to 500 characters after trimming',
    '/quantity: must be a whole number from 1 to 2147483647',
    '/reference: must be text of 1 to 255 characters, or null',
    `/status: ${known}`,
  ])
})

t.test('no value is turned into another type: each wrong one is a fault of its field', async (t) => {
  const wrong: Record<string, unknown[]> = {
    product_name: [5, null, true, {}, ['Tea'], ''],
    quantity: ['1', 1.5, 0, -1, 2 ** 31, null, true, Number.NaN],
    amount: ['3', null, -0.01, 1e12, Number.NaN, Number.POSITIVE_INFINITY, {}],
    currency: [5, null, 'US', 'USDX', 'usd', 'U D', 'XYZ', ''],
    customer_id: [5, '', 'x'.repeat(256), {}],
    reference: [5, '', 'x'.repeat(256), []],
    placed_at: [5, null, '', '2026-01-31', {}],
  }
  for (const [name, values] of Object.entries(wrong))
    for (const value of values) {
      const faults = faultsOfCreate(body({ [name]: value }))
      t.equal(faults.length, 1, `${name} ${JSON.stringify(value)}`)
      t.match(faults[0], new RegExp(`^/${name}: must `))
    }
})

t.test(
  'a body with ten thousand unknown members is answered with a hundred faults, the known fields first',
  async (t) => {
    const many = Object.fromEntries(Array.from({ length: 10_000 }, (_, at) => [`x${at}`, at]))
    const faults = faultsOfCreate({ ...many, amount: 'x' })
    t.equal(faults.length, 100)
    t.strictSame(
      faults.slice(0, 2).map((fault) => fault.split(':')[0]),
      ['/product_name', '/amount'],
    )
  },
)

t.test('members named like parts of every object are unknown fields, no more', async (t) => {
  const tricky: unknown = JSON.parse('{"__proto__":{"amount":1},"constructor":1,"product_name":"Tea","amount":1}')
  t.strictSame(
    faultsOfCreate(tricky).map((fault) => fault.split(':')[0]),
    ['/__proto__', '/constructor'],
  )
  t.strictSame(
    faultsOfCreate(JSON.parse('{"__proto__":{"product_name":"Tea","amount":1}}')).slice(0, 2),
    ['/product_name: is required', '/amount: is required'],
    'nothing is inherited',
  )
})

t.test('a fault carries a stable code', async (t) => {
  t.throws(() => readCreate(orders, body({ amount: 0.001, colour: 1 }), now), {
    code: 'invalid',
    faults: [
      { pointer: '/colour', code: 'unknown' },
      { pointer: '/amount', code: 'decimals' },
    ],
  })
  t.equal(new Invalid([{ pointer: '', code: 'type', detail: '' }]).message, 'One rule is broken.')
})

t.test('a PATCH changes what it names and keeps the rest; null takes an optional field away', async (t) => {
  const { content, status } = readPatch(orders, { product_name: ' Cake ', customer_id: null }, standing())
  t.match(content, { product_name: 'Cake', customer_id: null, amount: 12.5, quantity: 1 })
  t.equal(status, undefined)
  t.equal(readPatch(orders, { status: 'confirmed' }, standing()).status, 'confirmed')
  t.strictSame(readPatch(orders, {}, standing()).content.customer_id, '17850')
})

t.test('a PATCH keeps every rule of POST, and names the statuses there are', async (t) => {
  t.strictSame(faultsOfPatch({ product_name: null, amount: '1', status: 'lost' }, standing()), [
    '/product_name: must be text of 1 to 500 characters',
    '/amount: must be a number, 0 or more and below 1000000000000',
    '/status: must be one of placed, confirmed, cancelled, shipped, delivered, returned',
  ])
  t.strictSame(faultsOfPatch([], standing()), [': must be a JSON object'])
  t.strictSame(
    faultsOfPatch({ id: 'x', version: 7, hash: 'x', deleted_at: now }, standing()).map((fault) => fault.split(':')[0]),
    ['/id', '/version', '/hash', '/deleted_at'],
  )
})

t.test('a PATCH of the currency alone is refused when the amount that stands has more decimals', async (t) => {
  t.strictSame(faultsOfPatch({ currency: 'JPY' }, standing()), ['/amount: must be a whole number: JPY has no decimals'])
  t.strictSame(faultsOfPatch({ currency: 'JPY', amount: 1250 }, standing()), [])
})
