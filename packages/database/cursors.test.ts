import { newId, orders } from '@ordermill/model'
import { firstOrder } from '@ordermill/model/testing'
import { until } from '@ordermill/servers/testing'
import { Client } from 'pg'
import t from 'tap'
import { createCursors, createReader, createRejects, createRejectsView, createTable, indexLag } from './index.ts'
import { testDatabase, whenever } from './testing.ts'

const { database, dsn } = await testDatabase(t)
const cursors = createCursors(database)
const at = (change_seq: number, refreshed_seq = 0) => ({ change_seq, refreshed_seq })
const roleOf = async (uuid: string) => {
  const text = 'SELECT role FROM search_cursors WHERE index_uuid = $1'
  return (await database.query<{ role: string | null }>({ text, values: [uuid] }))[0]?.role
}

t.test('a cursor starts at 0, moves only from where it is, and each index has its own', async (t) => {
  t.same(await cursors.open({ uuid: 'u1', name: 'orders-1' }, 1), at(0))
  t.equal(await cursors.move('u1', 0, 10, 1), true)
  t.equal(await cursors.move('u1', 0, 20, 1), false, 'somebody moved it meanwhile')
  t.equal(await cursors.move('u1', 10, 30, 1), true)
  t.same(await cursors.open({ uuid: 'u1', name: 'orders-1' }, 1), at(30))
  t.same(await cursors.open({ uuid: 'u2', name: 'orders-1' }, 1), at(0))
  t.same(await cursors.open({ uuid: 'u3', name: 'orders-1', from: 'u1' }, 1), at(30), 'or where another one stands')
  t.equal(await cursors.move('nobody', 0, 1, 1), false)
  const raced = await Promise.all(Array.from({ length: 10 }, (_, n) => cursors.move('u1', 30, 31 + n, 1)))
  t.equal(raced.filter(Boolean).length, 1)
})

t.test(
  'who comes late with an older token neither opens nor moves a cursor, nor makes its index serve again',
  async (t) => {
    const [old, next] = [
      { uuid: 'f1', name: 'orders-f1', alias: 'fenced' },
      { uuid: 'f2', name: 'orders-f2', alias: 'fenced' },
    ]
    t.same(await cursors.open(old, 4), at(0))
    t.equal(await cursors.move('f1', 0, 7, 4), true)
    t.same(await cursors.open(old, 5), at(7), 'somebody else takes over')
    t.equal(await cursors.move('f1', 7, 8, 4), false)
    t.equal(await cursors.open(old, 4), undefined)
    await cursors.refreshed('f1', 7, 4)
    t.same(await cursors.open(old, 5), at(7), 'nor is it believed what can be found')
    t.same(await cursors.open(next, 1), at(0), 'tokens of another index are others')
    t.equal(await cursors.open(old, 4), undefined)
    t.equal(await roleOf('f2'), 'serving')
    t.equal(await roleOf('f1'), null, 'what nobody built beside it leaves')
  },
)

t.test('a paused index is neither opened nor moved until the pause is over', async (t) => {
  const index = { uuid: 'p1', name: 'orders-p1', alias: 'paused' }
  await cursors.open(index, 1)
  const pause = (span: string) =>
    database.query({
      text: `UPDATE search_cursors SET paused_until = now() + $1::interval WHERE index_uuid = 'p1'`,
      values: [span],
    })
  await pause('1 minute')
  t.equal(await cursors.open(index, 1), undefined)
  t.equal(await cursors.move('p1', 0, 1, 1), false)
  await pause('0')
  t.equal(await cursors.move('p1', 0, 1, 1), true)
})

t.test('what can be found is told to who listens, with how far, and only of the index that serves', async (t) => {
  const client = new Client(dsn)
  await client.connect()
  t.teardown(() => client.end())
  const heard: string[] = []
  client.on('notification', ({ payload = '' }) => heard.push(payload))
  await client.query('LISTEN ordermill_refreshed')
  await cursors.open({ uuid: 'n0', name: 'n-0' }, 1)
  await cursors.open({ uuid: 'n1', name: 'n-1', alias: 'n' }, 1)
  await cursors.refreshed('n0', 5, 1)
  await cursors.refreshed('n1', 4, 1)
  await cursors.refreshed('n1', 3, 1)
  await cursors.refreshed('n1', 6, 1)
  await until('both are heard', () => heard.length === 2)
  t.same(heard, ['n 4', 'n 6'])
  t.match(await cursors.open({ uuid: 'n1', name: 'n-1', alias: 'n' }, 1), { refreshed_seq: 6 })
})

t.test(
  'rejects are kept by index and record with their version, the last of each, and forgotten by record',
  async (t) => {
    const rejects = createRejects(database, orders)
    const view = createRejectsView(database, orders)
    const id = newId()
    await cursors.open({ uuid: 'r1', name: 'orders-r1' }, 1)
    t.equal(await rejects.any('r1'), false)
    await rejects.keep('r1', [{ id, version: 1, change_seq: 1, reason: 'it\'s "bad"' }])
    await rejects.keep('r1', [{ id, version: 2, change_seq: 5, reason: 'still' }])
    await rejects.keep('r1', [{ id, version: 2, change_seq: 5, reason: 'still' }])
    await rejects.keep('r2', [{ id, version: 2, change_seq: 5, reason: 'there too' }])
    t.equal(await rejects.any('r1'), true)
    t.match(await view.list({ limit: 10 }), [
      { id, index: 'r2', reason: 'there too', attempts: 1 },
      { id, index: 'orders-r1', version: 2, change_seq: 5, reason: 'still', attempts: 2 },
    ])
    const [last] = await view.list({ limit: 1 })
    t.match(await view.list({ limit: 10, before: last?.n }), [{ index: 'orders-r1' }])
    t.equal(await view.count(), 2)
    await rejects.forget('r1', [newId(), id])
    t.equal(await rejects.any('r1'), false)
    await rejects.forget('r2', [id])
  },
)

t.test('lag is that of the index that serves', async (t) => {
  await createTable(database, orders).apply([[firstOrder()]], whenever())
  const last = await createReader(database, orders).lastChange()
  t.match(await indexLag(database, 'orders', 'lagging'), { changes: last }, 'none does')
  await cursors.open({ uuid: 'l1', name: 'lagging-1', alias: 'lagging' }, 1)
  await cursors.open({ uuid: 'l2', name: 'lagging-2' }, 1)
  await cursors.move('l2', 0, last, 1)
  t.match(await indexLag(database, 'orders', 'lagging'), { changes: last })
  await cursors.move('l1', 0, last, 1)
  t.same(await indexLag(database, 'orders', 'lagging'), { changes: 0, seconds: 0 })
})
