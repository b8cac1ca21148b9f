import { environment } from '@ordermill/config'
import {
  type Chain,
  createAttempts,
  createCursors,
  createDatabase,
  createLeases,
  createLedger,
  createReader,
  createTable,
  type Outcome,
} from '@ordermill/database'
import { newId, orders, type Version } from '@ordermill/model'
import { deletedOrder, firstOrder, nextOrder } from '@ordermill/model/testing'
import { corner } from '@ordermill/servers/testing'
import t from 'tap'
import { readParked } from '../../services/worker/parked-message.ts'
import * as memory from './postgres.ts'
import { createRandom } from './random.ts'

const { env } = await corner(t, environment())
const dsn = env['POSTGRES_DSN'] ?? ''
const database = createDatabase({ dsn, name: 'contract', poolMax: 4, timeout_ms: 20_000, onLost: () => undefined })
t.teardown(() => database.stop())
const postgres = memory.createPostgres(() => undefined)
const ask = async <T>(effect: () => T): Promise<T> => effect()
const signal = new AbortController().signal
const identity = ({ id, version, hash, parent }: Version) => `${id} ${version} ${hash} ${parent}`

/** Versions of one record: a line of them, and a fork from its second on. */
function family(): Version[] {
  const first = firstOrder()
  const second = nextOrder(first, { amount: 2 })
  const third = nextOrder(second, { amount: 3 })
  const fork = nextOrder(first, { amount: 4 })
  return [first, second, third, nextOrder(third, { amount: 5 }), fork, deletedOrder(nextOrder(fork, { amount: 6 }))]
}

/** Some of a record's versions that follow each other. */
function someChain(versions: Version[], random: ReturnType<typeof createRandom>): Chain {
  const chain = [random.pick(versions as [Version, ...Version[]])] as [Version, ...Version[]]
  for (let more = random.below(3); more > 0; more -= 1) {
    const next = versions.find(({ parent }) => parent === chain.at(-1)?.hash)
    if (next !== undefined) chain.push(next)
  }
  return chain
}

t.test('random chains come out of the table in memory as out of the real one, and leave the same behind', async (t) => {
  const random = createRandom(1)
  const families = Array.from({ length: 30 }, family)
  const [real, fake] = [createTable(database, orders), memory.createTable({ postgres, ask, isStuck: () => false })]
  const seen = new Set<Outcome>()
  for (let n = 0; n < 150; n += 1) {
    const from = random.below(families.length - 3)
    const chains = families.slice(from, from + 1 + random.below(3)).map((versions) => someChain(versions, random))
    const outcomes = await real.apply(chains, signal)
    for (const outcome of outcomes.flat()) seen.add(outcome)
    t.strictSame(await fake.apply(chains, signal), outcomes, `batch ${n}`)
  }
  t.equal(seen.size, 5, 'every outcome was met')

  const [realReader, fakeReader] = [createReader(database, orders), memory.createReader({ postgres, ask })]
  const changes = await realReader.changesAfter(0, 1_000)
  t.ok(changes.length > 20)
  const inMemory = await fakeReader.changesAfter(0, 1_000)
  t.strictSame(inMemory.map(identity), changes.map(identity), 'rows, in the order of their changes')
  const all = families.flat()
  const sorted = (rows: { id: string; version: number; hash: string }[]) =>
    rows.map(({ id, version, hash }) => `${id} ${version} ${hash}`).sort()
  t.strictSame(sorted(await fakeReader.persisted(all)), sorted(await realReader.persisted(all)), 'and the history')
  const ids = all.map(({ id }) => id)
  const texts = (rows: (Version | undefined)[]) => rows.map((row) => row && [identity(row), row.text, row.deleted])
  t.strictSame(texts(await fakeReader.readMany(ids)), texts(await realReader.readMany(ids)))
})

t.test('cursors, leases and attempts in memory answer as the real ones', async (t) => {
  const random = createRandom(2)
  const holders = [newId(), newId()] as [string, string]
  const now_ms = () => Date.now()
  const both = <T>(real: T, fake: T) => [real, fake] as const
  const [cursors, fakeCursors] = both(createCursors(database), memory.createCursors({ postgres, ask }))
  for (let n = 0; n < 40; n += 1) {
    const index = { uuid: `i${random.below(2)}`, name: 'orders-1' }
    const [from, to] = [random.below(4), random.below(4)]
    const [opens, moves] = [1 + random.below(2), 1 + random.below(2)]
    t.same(await fakeCursors.open(index, opens), await cursors.open(index, opens))
    t.equal(
      await fakeCursors.move(index.uuid, from, to, moves),
      await cursors.move(index.uuid, from, to, moves),
      `from ${from} to ${to}, by ${moves}`,
    )
    await Promise.all([fakeCursors.refreshed(index.uuid, to, moves), cursors.refreshed(index.uuid, to, moves)])
  }
  for (let n = 0; n < 40; n += 1) {
    const holder = random.pick(holders)
    const [leases, fakeLeases] = both(
      createLeases(database, holder),
      memory.createLeases({ postgres, ask, now_ms, holder }),
    )
    if (random.chance(0.3)) await Promise.all([leases.release('a'), fakeLeases.release('a')])
    else t.equal(await fakeLeases.hold('a', 3_600_000), await leases.hold('a', 3_600_000))
  }
  for (let n = 0; n < 60; n += 1) {
    const holder = random.pick(holders)
    const [real, fake] = both(createAttempts(database, holder), memory.createAttempts({ postgres, ask, holder }))
    const name = random.pick(['deaths', 'open', 'close', 'forget', 'open', 'deaths'] as const)
    const subject = ['q', `m${random.below(2)}`] as const
    t.equal(await fake[name](...subject), await real[name](...subject), name)
  }
})

t.test('the ledger in memory keeps what the real one keeps', async (t) => {
  const [real, fake] = [createLedger(database), memory.createLedger({ postgres, ask })]
  const versions = family()
  const random = createRandom(3)
  for (let n = 0; n < 12; n += 1) {
    const { id, version, hash, parent, text } = random.pick(versions as [Version, ...Version[]])
    const headers = {
      id,
      version,
      hash,
      ...(parent === null ? {} : { parent }),
      'parked-code': `c${n}`,
      'parked-reason': 'why',
    }
    const properties = { type: orders.type, messageId: `${id}:${version}`, headers } as never
    const message = readParked(orders, { body: Buffer.from(text), properties, redelivered: false, tag: n })
    await Promise.all([real.keep([message]), fake.keep([message])])
    if (n % 5 === 4) {
      const [rows, fakes] = await Promise.all([real.standing({ upTo: 1e6 }, 0, 1), fake.standing({ upTo: 1e6 }, 0, 1)])
      await Promise.all([real.replayed(rows), fake.replayed(fakes)])
    }
  }
  const standing = await real.standing({ upTo: 1e6 }, 0, 100)
  const told = ({ identity, code, reason, state, body }: (typeof standing)[number]) => [
    identity,
    code,
    reason,
    state,
    body.toString(),
  ]
  t.ok(standing.length > 2)
  t.strictSame((await fake.standing({ upTo: 1e6 }, 0, 100)).map(told), standing.map(told))
})
