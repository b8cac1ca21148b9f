import { orders, type StoredRecord } from '@ordermill/model'
import t from 'tap'
import { historyOf } from './history.ts'

const at = '2026-01-31T09:30:00.000Z'
const first: StoredRecord = { id: '01936f5e-8a4c-7d20-9b1e-3f5a6c7d8e9f', version: 1, status: 'placed', product_name: 'Lantern', quantity: 1, amount: 2.5, currency: 'GBP', customer_id: null, reference: null, placed_at: at, created_at: at, updated_at: at } // biome-ignore format: one record

t.test('a first version lists the fields that have a value, and no others', async (t) => {
  const [entry] = historyOf(orders, [first], undefined)
  t.same(
    entry?.changes.map(({ field }) => field),
    ['status', 'product_name', 'quantity', 'amount', 'currency', 'placed_at'],
  )
  for (const { from, to } of entry?.changes ?? []) t.ok(from === null && to !== null)
})

t.test('a later version lists what it changed, to and from nothing as well', async (t) => {
  const second = { ...first, version: 2, customer_id: 'ann', amount: 3 }
  const third = { ...second, version: 3, customer_id: null }
  const [, two, three] = historyOf(orders, [first, second, third], undefined)
  t.same(two?.changes, [
    { field: 'amount', from: 2.5, to: 3 },
    { field: 'customer_id', from: null, to: 'ann' },
  ])
  t.same(three?.changes, [{ field: 'customer_id', from: 'ann', to: null }])
})
