import { hashOf, orders } from '@ordermill/model'
import { deletedOrder, firstOrder, nextOrder } from '@ordermill/model/testing'
import fc from 'fast-check'
import t from 'tap'
import { createReader, createTable } from './index.ts'
import { testDatabase, whenever } from './testing.ts'

const { database } = await testDatabase(t)
const table = createTable(database, orders)
const stored = createReader(database, orders)

const words = fc
  .string({ unit: 'binary', minLength: 1, maxLength: 60 })
  .filter((text) => text.trim() !== '' && !text.includes('\u0000') && text.isWellFormed())
const minor = fc.oneof(fc.constantFrom(0, 1, 29, 113, 435, 1999, 99_999_999_999_999), fc.nat({ max: 1_000_000_000 }))
const money = fc.oneof(
  minor.map((cents) => ({ currency: 'USD', amount: cents / 100 })),
  minor.map((mils) => ({ currency: 'KWD', amount: (mils % 1e12) / 1_000 })),
  fc.integer({ min: 0, max: 999_999_999_999 }).map((amount) => ({ currency: 'JPY', amount })),
)
const years = (from: number, to: number) =>
  fc.date({ min: new Date(from), max: new Date(to), noInvalidDate: true }).map((date) => date.toISOString())
const anyTime = fc.oneof(
  years(Date.UTC(1970, 0), Date.UTC(2100, 0)),
  years(Date.parse('0001-01-01T00:00:00Z'), Date.parse('9999-12-31T23:59:59.999Z')),
  fc.constantFrom(
    '0001-01-01T00:00:00Z',
    '0099-12-31T23:59:59.999Z',
    '1883-11-18T12:03:58Z',
    '9999-12-31T23:59:59.999Z',
  ),
  fc.constantFrom('2024-02-29T23:59:59.9999+05:45', '1900-01-01T00:00:00-12:00', '2026-06-30T23:59:59.999Z'),
)
const body = fc
  .record(
    {
      product_name: words,
      quantity: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
      money,
      customer_id: fc.option(words),
      reference: fc.option(words),
      placed_at: anyTime,
    },
    { requiredKeys: ['product_name', 'money'] },
  )
  .map(({ money: { amount, currency }, ...rest }) => ({ ...rest, amount, currency }))
const key = fc.record({ key: fc.uuid(), fingerprint: fc.stringMatching(/^[\w-]{22}$/) })

t.test('what is read back is the text that was written, to the last byte: its hash is right', async (t) => {
  await fc.assert(
    fc.asyncProperty(body, body, key, anyTime, async (one, other, use, at) => {
      const now = new Date(at).toISOString()
      const first = firstOrder(one, { now, key: use })
      const changed = { ...other, quantity: first.record['quantity'] === 7 ? 8 : 7 }
      const second = nextOrder(first, changed, { now })
      const gone = deletedOrder(second, { now, key: use })
      for (const version of [first, second, gone]) {
        await table.apply([[version]], whenever())
        const read = await stored.read(version.id)
        const { record: _, ...written } = version
        t.same(read, written)
        t.equal(hashOf(read?.text ?? '', read?.parent ?? null), version.hash)
      }
    }),
    { numRuns: 150 },
  )
})

t.test('what is history has the same members as the text that was written', async (t) => {
  await fc.assert(
    fc.asyncProperty(body, async (one) => {
      const first = firstOrder(one)
      await table.apply([[first]], whenever())
      await table.apply([[deletedOrder(first)]], whenever())
      const [kept] = await database.query<{ body: unknown }>({
        text: 'SELECT body FROM orders_history WHERE id = $1',
        values: [first.id],
      })
      t.same(kept?.body, JSON.parse(first.text))
    }),
    { numRuns: 75 },
  )
})
