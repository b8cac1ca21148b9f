import { Doubtful, newId, orders, Unavailable } from '@ordermill/model'
import { firstOrder, orderChain } from '@ordermill/model/testing'
import t from 'tap'
import { createReader, createTable, type Session } from './index.ts'
import { testDatabase } from './testing.ts'

t.test('what is read in one turn of the event loop is one statement, and each gets its own', async (t) => {
  const { database } = await testDatabase(t, { poolMax: 2 })
  const [first, second] = orderChain()
  const other = firstOrder()
  await createTable(database, orders).apply([[first, second], [other]], new AbortController().signal)
  const asked: unknown[] = []
  const session: Session = {
    query(statement) {
      asked.push(statement.values?.[0])
      return database.query(statement)
    },
  }
  const reader = createReader(session, orders)
  const ids = [first.id, newId(), other.id, first.id]
  const found = await Promise.all(ids.map((id) => reader.read(id)))
  t.same(
    found.map((version) => version?.hash),
    [second.hash, undefined, other.hash, second.hash],
  )
  t.same(asked, [ids])
  t.equal((await reader.read(other.id))?.text, other.text)
  t.equal((await reader.read(other.id, 'mine'))?.hash, other.hash, 'alone, with its comment')
  t.same(asked.slice(1), [[other.id], [other.id]])
})

t.test('what is prepared while the table is empty looks rows up by their ids all the same', async (t) => {
  const { database } = await testDatabase(t, { poolMax: 1 })
  const reader = createReader(database, orders)
  const ids = Array.from({ length: 20 }, newId)
  for (let times = 0; times < 8; times += 1) await reader.readMany(ids) // Postgres plans it for any values by then
  const text = `EXPLAIN EXECUTE "orders-read" ('{${ids.join()}}')`
  const plan = await database.query<{ 'QUERY PLAN': string }>({ text })
  const lines = plan.map((row) => row['QUERY PLAN']).join('\n')
  t.match(lines, 'Index Scan using orders_pkey')
  t.notMatch(lines, 'Seq Scan')
})

t.test('one row that cannot be read is the trouble of who asks for it alone', async (t) => {
  const { database } = await testDatabase(t, { poolMax: 2 })
  const [good, broken] = [firstOrder(), firstOrder()]
  await createTable(database, orders).apply([[good], [broken]], new AbortController().signal)
  const session: Session = {
    async query(statement) {
      if (String(statement.values?.[0]).includes(broken.id)) throw new Doubtful('doubtful', 'a broken page')
      return await database.query(statement)
    },
  }
  const reader = createReader(session, orders)
  const [found, failed, none] = await Promise.allSettled([good.id, broken.id, newId()].map((id) => reader.read(id)))
  t.match(found, { value: { hash: good.hash } })
  t.match(failed, { status: 'rejected', reason: { code: 'doubtful' } })
  t.match(none, { status: 'fulfilled', value: undefined })
})

t.test('where Postgres fails, all that were asked for together do', async (t) => {
  const gone = new Unavailable('database-away', 'gone')
  const reader = createReader({ query: () => Promise.reject(gone) }, orders)
  const outcomes = await Promise.all([newId(), newId()].map((id) => reader.read(id).catch((thrown: unknown) => thrown)))
  t.same(outcomes, [gone, gone])
})
