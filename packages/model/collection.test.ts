import t from 'tap'
import { v5, version } from 'uuid'
import {
  collection,
  collections,
  isId,
  keyedId,
  keyword,
  memberId,
  newId,
  orders,
  parseRecord,
  steps,
} from './index.ts'
import { standing } from './testing.ts'

const declare = (name: string, field = 'code') =>
  collection(name, { title: 'thing', type: 'things.v1', fields: { [field]: keyword({}) }, status: steps({ open: [] }) })

t.test(
  'names that could not be a table, an index, a key or a column are refused when a collection is declared',
  async (t) => {
    t.equal(declare('parcels_2').name, 'parcels_2')
    for (const name of [
      '',
      'Parcels',
      '2parcels',
      'par-cels',
      'par.cels',
      'a b',
      'x'.repeat(32),
      "a'; DROP TABLE orders",
    ])
      t.throws(() => declare(name), { message: `'${name}' cannot name a collection` }, name)
    for (const name of ['', 'Code', 'a-b', 'a b', '_a', 'x"y'])
      t.throws(() => declare('parcels', name), /cannot name a field/, name)
  },
)

t.test('a field may not take the name of what every record has already', async (t) => {
  for (const name of [
    'id',
    'version',
    'status',
    'hash',
    'parent',
    'keys',
    'change_seq',
    'created_at',
    'updated_at',
    'deleted_at',
  ])
    t.throws(() => declare('parcels', name), new RegExp(`'${name}' cannot name a field of parcels`), name)
  t.throws(() => declare('parcels', 'constructor'), /cannot name a field/)
})

t.test('collections have names of their own', async (t) => {
  t.equal(new Set(collections.map(({ name }) => name)).size, collections.length)
  t.ok(collections.some((c) => c === orders))
})

t.test('orders go from status to status as the table says, and nowhere else', async (t) => {
  const allowed: Record<string, string[]> = {
    placed: ['confirmed', 'cancelled'],
    confirmed: ['shipped', 'cancelled'],
    shipped: ['delivered'],
    delivered: ['returned'],
    cancelled: [],
    returned: [],
  }
  t.equal(orders.status.first, 'placed')
  t.strictSame([...orders.status.all].sort(), Object.keys(allowed).sort())
  for (const [from, to] of Object.entries(allowed)) {
    t.strictSame(orders.status.after(from), to)
    for (const status of orders.status.all)
      t.equal(orders.status.allows(from, status), to.includes(status), `${from} → ${status}`)
  }
})

t.test('steps: the first status named is where records start; none at all is a mistake', async (t) => {
  t.strictSame(steps({ b: ['a'], a: [] }).all, ['b', 'a'])
  t.equal(steps({ open: [] }).first, 'open')
  t.equal(steps({ open: [] }).allows('lost', 'open'), false)
  t.strictSame(steps({ open: [] }).after('lost'), [])
  t.equal(steps({ open: [] }).allows('constructor', 'name'), false)
  t.throws(() => steps({}), /at least one status/)
})

t.test('ids sort by the time of their making, and are UUIDs in lower case', async (t) => {
  const ids = Array.from({ length: 2_000 }, () => newId())
  t.strictSame([...ids].sort(), ids)
  t.ok(ids.every(isId))
  t.ok(ids.every((id) => version(id) === 7))
  t.equal(new Set(ids).size, ids.length)
  for (const wrong of [
    '',
    ids[0]?.toUpperCase() ?? '',
    `${ids[0]} `,
    `${ids[0]}\n`,
    'not-an-id',
    '00000000-0000-0000-0000-000000000000',
  ])
    t.equal(isId(wrong), false, wrong)
})

t.test('the id of a keyed create is the same for every retry, and of nobody else', async (t) => {
  const id = keyedId('orders', 'anonymous', 'key-1')
  t.equal(
    id,
    '8246d66f-6c19-59db-aba2-bf6ea5649c91',
    'it must never change: retries across versions would create twice',
  )
  t.ok(isId(id))
  const others = [
    keyedId('orders', 'anonymous', 'key-2'),
    keyedId('orders', 'ann', 'key-1'),
    keyedId('users', 'anonymous', 'key-1'),
  ]
  t.equal(new Set([id, ...others]).size, 4)
  t.not(keyedId('a', 'b","c', 'd'), keyedId('a', 'b', 'c","d'), 'parts cannot run into each other')
})

t.test('an id that is made of a name is the UUIDv5 that others make of it', async (t) => {
  for (const key of ['', 'key-1', 'ä€😀', 'x'.repeat(300)])
    t.equal(
      keyedId('orders', 'ann', key),
      v5(JSON.stringify(['orders', 'ann', key]), '5f0a3c1e-8f5b-5d0e-9c67-2f1f7b6f2a11'),
    )
})

t.test('the members of a bulk have ids of their own, the same for every retry', async (t) => {
  const bulk = '0199a8f0-0000-7000-8000-000000000001'
  t.equal(memberId(bulk, 0), '1f284e0b-de0f-5126-864f-4553016f6b10')
  t.equal(new Set(Array.from({ length: 1_000 }, (_, at) => memberId(bulk, at))).size, 1_000)
})

t.test('a text that is no record of the collection is bad data, with where and why', async (t) => {
  const good = standing()
  t.strictSame(parseRecord(orders, JSON.stringify(good)), good)
  const bad = (change: Record<string, unknown>) => JSON.stringify({ ...good, ...change })
  const table: [string, RegExp][] = [
    ['', /the body is not JSON/],
    ['{"id":', /the body is not JSON/],
    ['[]', /not a record of orders/],
    ['null', /not a record of orders/],
    [bad({ id: 'x' }), /not a record of orders: \/id/],
    [bad({ version: 0 }), /\/version/],
    [bad({ version: 1.5 }), /\/version/],
    [bad({ amount: '1' }), /\/amount/],
    [bad({ amount: -1 }), /\/amount/],
    [bad({ status: 'lost' }), /\/status/],
    [bad({ product_name: '' }), /\/product_name/],
    [bad({ placed_at: 'x' }), /\/placed_at/],
    [bad({ amount: undefined }), /not a record of orders/],
    [bad({ colour: 'red' }), /not a record of orders/],
  ]
  for (const [text, message] of table)
    t.throws(() => parseRecord(orders, text), { name: 'BadData', code: 'unreadable', message }, text)
})
