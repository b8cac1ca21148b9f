import { until } from '@ordermill/servers/testing'
import t from 'tap'
import { createLeases } from './index.ts'
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
