import { orders } from '@ordermill/model'
import { firstOrder, nextOrder } from '@ordermill/model/testing'
import { Client } from 'pg'
import t from 'tap'
import { createReader, createTable } from './index.ts'
import { testDatabase, whenever } from './testing.ts'

const { database, dsn } = await testDatabase(t, { poolMax: 10, timeout_ms: 30_000 })
const table = createTable(database, orders)
const stored = createReader(database, orders)

const byHand = async (t: { teardown(end: () => Promise<void>): void }) => {
  const client = new Client(dsn)
  await client.connect()
  t.teardown(() => client.end())
  return client
}
const insertByHand = `INSERT INTO orders (id, version, hash, status, product_name, amount, created_at, updated_at)
  VALUES ($1, 1, 'by-hand', 'placed', 'By hand', 1, now(), now())`

t.test(
  'change numbers become visible in order, whoever writes: a reader that goes on from the last one misses nothing',
  async (t) => {
    let writing = true
    const seen: number[] = []
    const reading = (async () => {
      let cursor = 0
      for (let last = false; ; last = !writing) {
        const changes = await stored.changesAfter(cursor, 50)
        for (const { change_seq } of changes) seen.push(change_seq)
        cursor = changes.at(-1)?.change_seq ?? cursor
        if (last && changes.length === 0) return
      }
    })()
    const persister = async () => {
      for (let round = 0; round < 15; round += 1) {
        const batch = Array.from({ length: 10 }, () => firstOrder())
        await table.apply(
          batch.map((order) => [order]),
          whenever(),
        )
        await table.apply(
          batch.slice(0, 5).map((order) => [nextOrder(order, { amount: round + 1 })]),
          whenever(),
        )
      }
    }
    const hand = async () => {
      const client = await byHand(t)
      for (let round = 0; round < 30; round += 1) {
        const { id } = firstOrder()
        await client.query('BEGIN')
        await client.query(insertByHand, [id])
        await client.query('SELECT pg_sleep(0.002)') // somebody types
        await client.query('UPDATE orders SET quantity = 5 WHERE id = $1', [id])
        await client.query(round % 5 === 0 ? 'ROLLBACK' : 'COMMIT')
      }
    }
    await Promise.all([persister(), persister(), hand(), hand()])
    writing = false
    await reading
    const rows = await database.query<{ change_seq: number }>({
      text: 'SELECT change_seq FROM orders ORDER BY change_seq',
    })
    const standing = rows.map(({ change_seq }) => change_seq)
    t.ok(standing.length >= 300)
    t.same(
      seen,
      [...seen].sort((a, b) => a - b),
      'read in order',
    )
    const had = new Set(seen)
    t.same(
      standing.filter((change_seq) => !had.has(change_seq)),
      [],
      'every row that stands was read at the change at which it stands',
    )
  },
)

t.test(
  'an update by hand gets a new change number though it names none, and deletes as well as inserts wait for the lock',
  async (t) => {
    const order = firstOrder()
    await table.apply([[order]], whenever())
    const before = await stored.lastChange()
    const client = await byHand(t)
    await client.query('UPDATE orders SET quantity = 9 WHERE id = $1', [order.id])
    const [changed] = await stored.changesAfter(before, 10)
    t.equal(changed?.id, order.id)
    t.ok((changed?.change_seq ?? 0) > before)

    const other = await byHand(t)
    await other.query(`SET lock_timeout = '50ms'`)
    await client.query('BEGIN')
    await client.query(insertByHand, [firstOrder().id])
    for (const [sql, values] of [
      [insertByHand, [firstOrder().id]],
      ['UPDATE orders SET quantity = 1 WHERE id = $1', [order.id]],
      ['DELETE FROM orders WHERE id = $1', [order.id]],
    ] as const)
      await t.rejects(other.query(sql, [...values]), { code: '55P03' }, sql.slice(0, 6))
    await client.query('COMMIT')
    await other.query('DELETE FROM orders WHERE id = $1', [order.id])
  },
)

t.test('changes are read from a number on, in order, no more than asked for', async (t) => {
  const from = await stored.lastChange()
  const all = Array.from({ length: 7 }, () => firstOrder())
  await table.apply(
    all.map((order) => [order]),
    whenever(),
  )
  const [a, b] = [await stored.changesAfter(from, 4), await stored.changesAfter(from, 100)]
  t.equal(a.length, 4)
  t.equal(b.length, 7)
  t.same(a, b.slice(0, 4))
  t.same(await stored.changesAfter(await stored.lastChange(), 10), [])
})
