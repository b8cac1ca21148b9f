import { until } from '@ordermill/servers/testing'
import t from 'tap'
import { createCursors, createLeases } from './index.ts'
import { testDatabase } from './testing.ts'

const { database } = await testDatabase(t)
const a = createLeases(database, 'a')
const b = createLeases(database, 'b')
const long_ms = 60_000

t.test('one holder at a time has a lease, and keeps its token while it prolongs it', async (t) => {
  t.equal(await a.hold('one', long_ms), 1)
  t.equal(await b.hold('one', long_ms), undefined)
  t.equal(await a.hold('one', long_ms), 1)
  t.equal(await b.hold('another', long_ms), 1, 'leases are apart')
})

t.test('who takes over after the lease ran out gets a greater token, and the old holder nothing', async (t) => {
  t.equal(await a.hold('out', 50), 1)
  const token = await until('the lease runs out', () => b.hold('out', long_ms))
  t.equal(token, 2)
  t.equal(await a.hold('out', long_ms), undefined)
})

t.test('a holder that came back too late gets a new token, as if it were another', async (t) => {
  t.equal(await a.hold('late', 0), 1)
  t.equal(await a.hold('late', long_ms), 2)
})

t.test('a released lease is free at once; only its holder can release it', async (t) => {
  await a.hold('free', long_ms)
  await b.release('free')
  t.equal(await b.hold('free', long_ms), undefined)
  await a.release('free')
  t.equal(await b.hold('free', long_ms), 2)
})

t.test('of many that ask at once exactly one gets the lease', async (t) => {
  const all = Array.from({ length: 20 }, (_, at) => createLeases(database, `rival ${at}`))
  const tokens = await Promise.all(all.map((rival) => rival.hold('raced', long_ms)))
  t.equal(tokens.filter((token) => token !== undefined).length, 1)
})

t.test('a cursor starts at 0, moves only from where it is, and each index has its own', async (t) => {
  const cursors = createCursors(database)
  t.equal(await cursors.open({ uuid: 'u1', name: 'orders-1' }), 0)
  t.equal(await cursors.move('u1', 0, 10), true)
  t.equal(await cursors.move('u1', 0, 20), false, 'somebody moved it meanwhile')
  t.equal(await cursors.move('u1', 10, 30), true)
  t.equal(await cursors.open({ uuid: 'u1', name: 'orders-1' }), 30)
  t.equal(await cursors.open({ uuid: 'u2', name: 'orders-1' }), 0)
  t.equal(await cursors.move('nobody', 0, 1), false)
  const raced = await Promise.all(Array.from({ length: 10 }, (_, at) => cursors.move('u1', 30, 31 + at)))
  t.equal(raced.filter(Boolean).length, 1)
})

t.test('rejects are kept by index and record, the last one of a record only', async (t) => {
  const cursors = createCursors(database)
  const id = '0199a8f0-0000-7000-8000-000000000001'
  await cursors.reject('u1', [{ id, change_seq: 1, reason: 'it\'s "bad"' }])
  await cursors.reject('u1', [{ id, change_seq: 5, reason: 'still' }])
  await cursors.reject('u2', [{ id, change_seq: 5, reason: 'there too' }])
  const rows = await database.query({ text: 'SELECT index_uuid, change_seq, reason FROM search_rejects ORDER BY 1' })
  t.same(rows, [
    { index_uuid: 'u1', change_seq: 5, reason: 'still' },
    { index_uuid: 'u2', change_seq: 5, reason: 'there too' },
  ])
})
