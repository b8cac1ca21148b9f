import fc from 'fast-check'
import t from 'tap'
import { decimalsIn, decimalsOf } from './currency.ts'
import { orders, readCreate } from './index.ts'
import { body, faultsOfCreate, now } from './testing.ts'

const amountFaults = (amount: number, currency = 'USD') => faultsOfCreate(body({ amount, currency }))
const placedAt = (placed_at: string) => readCreate(orders, body({ placed_at }), now).placed_at
const timeFault = (placed_at: string) => faultsOfCreate(body({ placed_at }))[0]

t.test('amounts that binary floats cannot hold are taken to the cent', async (t) => {
  for (const amount of [0, 0.01, 0.29, 1.13, 4.35, 19.99, 0.07, 1.1, 999_999_999_999.99])
    t.equal(readCreate(orders, body({ amount }), now).amount, amount)
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 99_999_999_999_999 }), (cents) => amountFaults(cents / 100).length === 0),
  )
})

t.test('an amount with more decimals than its currency has is refused', async (t) => {
  t.strictSame(amountFaults(0.1 + 0.2), ['/amount: must have no more than 2 decimals in USD'])
  t.strictSame(amountFaults(1.001), ['/amount: must have no more than 2 decimals in USD'])
  t.strictSame(amountFaults(1e-7), ['/amount: must have no more than 2 decimals in USD'])
  t.strictSame(amountFaults(0.5, 'JPY'), ['/amount: must be a whole number: JPY has no decimals'])
  t.strictSame(amountFaults(500, 'JPY'), [])
  t.strictSame(amountFaults(1.234, 'KWD'), [])
  t.strictSame(amountFaults(1.2345, 'KWD'), ['/amount: must have no more than 3 decimals in KWD'])
  t.strictSame(amountFaults(1.2345, 'CLF'), [])
  t.strictSame(amountFaults(1.23456, 'CLF'), ['/amount: must have no more than 4 decimals in CLF'])
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 99_999_999 }), fc.integer({ min: 1, max: 9 }), (cents, mill) => {
      const amount = Number(`${Math.trunc(cents / 100)}.${String(cents % 100).padStart(2, '0')}${mill}`)
      return amountFaults(amount).length === 1
    }),
  )
})

t.test('an amount beyond what a JSON number keeps exactly is refused, not rounded', async (t) => {
  t.strictSame(amountFaults(900_719_925_474.0991, 'CLF'), [])
  t.strictSame(amountFaults(900_719_925_474.1, 'CLF'), [
    '/amount: has more digits than a JSON number keeps exactly in CLF',
  ])
  t.strictSame(amountFaults(999_999_999_999, 'CLF'), [
    '/amount: has more digits than a JSON number keeps exactly in CLF',
  ])
  t.strictSame(amountFaults(999_999_999_999.999, 'KWD'), [], '12 digits and 3 decimals still fit')
})

t.test('minus zero is zero, so that equal content prints and hashes alike', async (t) => {
  t.ok(Object.is(readCreate(orders, body({ amount: -0 }), now).amount, 0))
})

t.test('a currency has the decimals of ISO 4217, not those of a display habit', async (t) => {
  const table = {
    USD: 2,
    JPY: 0,
    KRW: 0,
    CLP: 0,
    BHD: 3,
    KWD: 3,
    IQD: 3,
    TND: 3,
    CLF: 4,
    UYW: 4,
    AFN: 2,
    HUF: 2,
    IDR: 2,
    ISK: 0,
  }
  for (const [code, places] of Object.entries(table)) t.equal(decimalsOf(code), places, code)
  for (const wrong of ['XYZ', 'usd', '', 'US', 'DEM']) t.equal(decimalsOf(wrong), undefined, wrong)
})

t.test('an unknown currency is one fault, its own', async (t) => {
  t.strictSame(amountFaults(1.23456, 'XYZ'), ['/currency: must be a currency of ISO 4217'])
})

t.test('decimals are counted on the shortest decimal form', async (t) => {
  const table: [number, number][] = [[1, 0], [17.7, 1], [1e-7, 7], [1.5e-7, 8], [1e21, 0], [1.25e22, 0], [0.1, 1], [-0.25, 2]] // biome-ignore format: a table
  for (const [value, places] of table) t.equal(decimalsIn(value), places, String(value))
})

t.test('a name is trimmed of every white space, then counted in code points', async (t) => {
  const nameOf = (product_name: string) => readCreate(orders, body({ product_name }), now).product_name
  t.equal(nameOf('\u00a0\ufeff\t Tea \u2003\n'), 'Tea')
  t.equal(nameOf(`  ${'😀'.repeat(500)}  `), '😀'.repeat(500))
  t.equal(nameOf('x'), 'x')
  const fault = ['/product_name: must have 1 to 500 characters after trimming']
  t.strictSame(faultsOfCreate(body({ product_name: '😀'.repeat(501) })), fault)
  t.strictSame(faultsOfCreate(body({ product_name: 'x'.repeat(501) })), fault)
  t.strictSame(faultsOfCreate(body({ product_name: ' \t\n\u2028 ' })), fault)
  t.strictSame(faultsOfCreate(body({ product_name: 'e\u0301'.repeat(251) })), fault, 'code points, not graphemes')
})

t.test('codes are not trimmed, and counted in code points as well', async (t) => {
  t.equal(readCreate(orders, body({ customer_id: ' 7 ' }), now).customer_id, ' 7 ')
  t.strictSame(faultsOfCreate(body({ customer_id: '😀'.repeat(255) })), [])
  t.equal(faultsOfCreate(body({ customer_id: 'e\u0301'.repeat(128) })).length, 1)
})

t.test('characters that no store can hold are refused in every text', async (t) => {
  for (const name of ['product_name', 'customer_id', 'reference']) {
    t.strictSame(faultsOfCreate(body({ [name]: 'a\u0000b' })), [`/${name}: must not contain the character U+0000`])
    for (const half of ['a\ud800', '\udc00a', '\udc00\ud800'])
      t.strictSame(faultsOfCreate(body({ [name]: half })), [`/${name}: must not contain half of a surrogate pair`])
  }
  t.strictSame(faultsOfCreate(body({ product_name: "<b>'; DROP TABLE orders; --</b> \u202e \u0007" })), [])
})

t.test('a time is kept in UTC to the millisecond, whatever its offset', async (t) => {
  t.equal(placedAt('2026-01-31T09:30:00Z'), '2026-01-31T09:30:00.000Z')
  t.equal(placedAt('2026-01-31T09:30:00.5+02:00'), '2026-01-31T07:30:00.500Z')
  t.equal(placedAt('2026-01-01T00:30:00+14:00'), '2025-12-31T10:30:00.000Z')
  t.equal(placedAt('2025-12-31T23:30:00-12:00'), '2026-01-01T11:30:00.000Z')
  t.equal(placedAt('2026-01-31T09:30:00-00:00'), '2026-01-31T09:30:00.000Z')
  t.equal(placedAt('2026-01-31t09:30:00z'), '2026-01-31T09:30:00.000Z', 'RFC 3339 allows small letters')
  t.equal(placedAt('2026-01-31T09:30:00.123999999Z'), '2026-01-31T09:30:00.123Z')
})

t.test('leap days exist in leap years alone', async (t) => {
  for (const day of ['2024-02-29', '2000-02-29']) t.equal(placedAt(`${day}T00:00:00Z`), `${day}T00:00:00.000Z`)
  for (const day of ['2026-02-29', '1900-02-29', '2026-02-30', '2026-04-31', '2026-13-01', '2026-00-10', '2026-01-32'])
    t.match(timeFault(`${day}T00:00:00Z`), /^\/placed_at: must be a date and time/, day)
})

t.test('the years 0001 to 9999 of UTC are taken, and nothing beyond them', async (t) => {
  t.equal(placedAt('0001-01-01T00:00:00Z'), '0001-01-01T00:00:00.000Z')
  t.equal(placedAt('9999-12-31T23:59:59.999Z'), '9999-12-31T23:59:59.999Z')
  t.equal(placedAt('0000-12-31T23:00:00-01:00'), '0001-01-01T00:00:00.000Z', 'the year counts in UTC')
  for (const beyond of ['0000-01-01T00:00:00Z', '0001-01-01T00:00:00+00:01', '9999-12-31T23:59:59-00:01'])
    t.equal(timeFault(beyond), '/placed_at: must be in the years 0001 to 9999 of UTC, and no leap second', beyond)
})

t.test('what is no date and time of RFC 3339 is refused', async (t) => {
  const wrong = [
    '2026-01-31', '2026-01-31T09:30:00', '2026-01-31 09:30:00Z', '2026-01-31T09:30Z', '2026-01-31T24:00:00Z',
    '2026-01-31T09:60:00Z', '2026-01-31T09:30:00+0200', '2026-01-31T09:30:00+25:00', '2026-01-31T09:30:00.Z',
    '+010000-01-01T00:00:00Z', '20260131T093000Z', 'Sat, 31 Jan 2026 09:30:00 GMT', '2026-01-31T09:30:00Z\n', '1769851800',
    '2016-12-31T23:59:60Z',
  ] // biome-ignore format: a table
  for (const text of wrong) t.match(timeFault(text), /^\/placed_at: must be /, JSON.stringify(text))
})
