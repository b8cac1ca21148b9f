import { memberId, newId, orders, type Version } from '@ordermill/model'
import { firstOrder, nextOrder, orderChain } from '@ordermill/model/testing'
import t from 'tap'
import {
  type Chain,
  countPersisted,
  createLedger,
  createParkedView,
  createTable,
  readAccounts,
  storeBulk,
  storeRejected,
} from './index.ts'
import { testDatabase, whenever } from './testing.ts'

const { database } = await testDatabase(t)
const table = createTable(database, orders)
const ledger = createLedger(database)
const view = createParkedView(database)
let epochs = 0

/** What an epoch of its own does with versions, and what it counts. */
function period() {
  epochs += 1
  const epoch = `epoch-${epochs}`
  const accepted = <V extends Version>(version: V): V => ({ ...version, epoch })
  const chain = () => {
    const [first, second, third] = orderChain()
    return [accepted(first), accepted(second), accepted(third)] as const
  }
  const persist = async (...chains: Chain[]) =>
    (await table.apply(chains, whenever(), countPersisted(orders.name))).flat().join(' ')
  /** Parks a version; `twin`: bytes that are not those of its hash. Gives the number of its row. */
  const park = async (version: Version, twin = '') => {
    const identity = `${version.id}:${version.version}:${version.hash}${twin}`
    await ledger.keep([messageOf(version, identity)])
    const [row] = await database.query<{ n: number; parking: number }>({
      text: 'SELECT n, parking FROM parked WHERE identity = $1',
      values: [identity],
    })
    return { collection: orders.name, n: row?.n ?? 0, parking: row?.parking ?? 0 }
  }
  const counts = async () => {
    const { epoch: own } = await readAccounts(database, orders.name, epoch)
    return Object.fromEntries(Object.entries(own).filter(([, count]) => count !== 0))
  }
  return { epoch, accepted, chain, persist, park, counts }
}
const discard = ({ n }: { n: number }) => view.discard(n, { by: 'sam', reason: 'test' })
const messageOf = (version: Version, identity: string) => ({
  collection: orders.name,
  identity,
  routingKey: orders.name,
  type: orders.type,
  id: version.id,
  version: version.version,
  hash: version.hash,
  code: 'conflict',
  reason: 'test',
  fingerprint: 'f',
  body: Buffer.from(version.text),
  headers: {},
  properties: {},
  correlationId: null,
  epoch: version.epoch ?? '',
  replays: 0,
})

t.test('distinct versions are counted once, by the epoch in which they were accepted', async (t) => {
  const { accepted, chain, persist, counts, epoch } = period()
  const other = period()
  const before = (await readAccounts(database, orders.name, epoch)).uncached
  const [first, second, third] = chain()
  const elsewhere = other.accepted(firstOrder())
  t.equal(await persist([first, second], [elsewhere], [firstOrder()]), 'superseded inserted inserted inserted')
  t.equal(await persist([first, second, third], [elsewhere]), 'duplicate duplicate updated duplicate')
  t.equal(await persist([first]), 'duplicate')
  t.equal(await persist([accepted(nextOrder(first, { amount: 99 }))]), 'conflict')
  t.same(await counts(), { persisted: 3 })
  t.same(await other.counts(), { persisted: 1 })
  const { uncached, earlier } = await readAccounts(database, orders.name, epoch)
  t.equal(uncached.persisted - before.persisted, 1)
  t.ok(earlier.persisted >= 1, 'other epochs are told apart')
})

t.test('what is rolled back is not counted', async (t) => {
  const { accepted, persist, counts } = period()
  const good = accepted(firstOrder())
  const bad = accepted(firstOrder())
  const huge = { ...bad, text: bad.text.replace('12.75', '1000000000000') }
  await t.rejects(persist([good], [huge]))
  t.same(await counts(), {})
  await persist([good])
  t.same(await counts(), { persisted: 1 })
})

t.test(
  'parked, parked once more, replayed, parked again, discarded, and parked after that: one version all the time',
  async (t) => {
    const { accepted, park, counts } = period()
    const version = accepted(firstOrder())
    await park(version)
    const row = await park(version)
    t.same(await counts(), { parked: 1 })
    await ledger.replayed([{ ...row, parking: row.parking - 1 }])
    t.same(await counts(), { parked: 1 }, 'it came back before the replay was marked')
    await ledger.replayed([row])
    t.same(await counts(), { replayed: 1 })
    const again = await park(version)
    t.same(await counts(), { parked: 1 })
    t.ok(await discard(again))
    t.notOk(await discard(again))
    t.same(await counts(), { discarded: 1 })
    await park(version)
    t.same(await counts(), { parked: 1 })
  },
)

t.test(
  'parked or discarded, then persisted after all: counted as persisted alone, whatever comes after that',
  async (t) => {
    const { accepted, persist, park, counts } = period()
    const [replayed, redelivered, discarded] = [accepted(firstOrder()), accepted(firstOrder()), accepted(firstOrder())]
    await ledger.replayed([await park(replayed)])
    const left = await park(redelivered)
    await discard(await park(discarded))
    t.same(await counts(), { replayed: 1, parked: 1, discarded: 1 })
    await persist([replayed], [redelivered], [discarded])
    t.same(await counts(), { persisted: 3 })
    t.ok(await discard(left), 'a row whose version is persisted meanwhile')
    t.same(await counts(), { persisted: 3 })
    for (const version of [replayed, redelivered, discarded]) await ledger.replayed([await park(version)])
    t.same(await counts(), { persisted: 3 }, 'parked after it was persisted, and replayed')
    await persist([replayed], [redelivered], [discarded])
    t.same(await counts(), { persisted: 3 })
  },
)

t.test('twins: other bytes under the same version are one version with it', async (t) => {
  const { accepted, persist, park, counts } = period()
  const version = accepted(firstOrder())
  const whole = await park(version)
  const twin = await park(version, ' on another disk')
  t.same(await counts(), { parked: 1 })
  await discard(twin)
  t.same(await counts(), { parked: 1 }, 'the other one stands')
  await ledger.replayed([whole])
  t.same(await counts(), { replayed: 1 })
  await persist([version])
  await park(version, ' on a third')
  t.same(await counts(), { persisted: 1 })
})

t.test('a twin without its epoch is counted where the version is, whichever comes first', async (t) => {
  const { accepted, park, counts, epoch } = period()
  const before = (await readAccounts(database, orders.name, epoch)).uncached
  const version = accepted(firstOrder())
  await park({ ...version, epoch: undefined }, ' without')
  t.equal((await readAccounts(database, orders.name, epoch)).uncached.parked, before.parked + 1)
  await park(version)
  t.same((await readAccounts(database, orders.name, epoch)).uncached, before)
  await park({ ...version, epoch: undefined }, ' without, again')
  t.same(await counts(), { parked: 1 })
})

t.test('a version that was parked, and replayed after what was built on it was persisted, is superseded', async (t) => {
  const { chain, persist, park, counts } = period()
  const [first, second] = chain()
  const row = await park(first)
  t.equal(await persist([second]), 'inserted')
  t.same(await counts(), { persisted: 1, parked: 1 })
  await ledger.replayed([row])
  t.equal(await persist([first]), 'superseded')
  t.same(await counts(), { persisted: 2 })
  t.equal(await persist([first]), 'duplicate')
  t.same(await counts(), { persisted: 2 })
  const [kept] = await database.query({ text: 'SELECT hash FROM orders_history WHERE id = $1', values: [first.id] })
  t.match(kept, { hash: first.hash })
})

t.test('parking and persisting at the same time, the version is counted once', async (t) => {
  const { accepted, persist, park, counts } = period()
  const versions = Array.from({ length: 40 }, () => accepted(firstOrder()))
  await Promise.all(versions.flatMap((version) => [park(version), persist([version])]))
  t.same(await counts(), { persisted: 40 })
})

t.test(
  'bulks: committed members are persisted, those of one that was rolled back are rejected, each once',
  async (t) => {
    const { epoch } = period()
    const read = async () => (await readAccounts(database, orders.name, epoch)).uncached
    const before = await read()
    const bulk = newId()
    const members = [0, 1].map((index) => firstOrder({}, { id: memberId(bulk, index) }))
    const chains = members.map((member): Chain => [member])
    for (let times = 0; times < 2; times += 1)
      await table.apply(chains, whenever(), async (session, some, outcomes) => {
        await storeBulk(session, { id: bulk, fingerprint: '', outcome: 'committed', members: 2, errors: null })
        await countPersisted(orders.name, bulk)(session, some, outcomes)
      })
    const committed = await read()
    t.same(committed, { ...before, persisted: before.persisted + 2, bulk_persisted: before.bulk_persisted + 2 })

    const other = { id: newId(), collection: orders.name, fingerprint: '', members: 3, errors: [] }
    await ledger.keep([
      { ...messageOf({ ...firstOrder(), id: other.id }, 'bulk'), routingKey: 'orders.bulk', version: null, hash: null },
    ])
    t.equal((await read()).parked, committed.parked + 1, 'a parked bulk is one')
    t.equal(await storeRejected(database, other), true)
    t.equal(await storeRejected(database, other), false)
    t.same(await read(), { ...committed, rejected: committed.rejected + 3 }, 'and ends with its outcome')
  },
)

t.test('an epoch that can be none is as good as none', async (t) => {
  const { epoch } = period()
  const before = (await readAccounts(database, orders.name, epoch)).uncached
  const odd = ['a\u0000b', 'x'.repeat(65), ' '].map((one) => ({ ...firstOrder(), epoch: one }))
  const counted = await table.apply(
    odd.map((one): Chain => [one]),
    whenever(),
    countPersisted(orders.name),
  )
  t.equal(counted.length, 3)
  const { uncached } = await readAccounts(database, orders.name, epoch)
  t.equal(uncached.persisted, before.persisted + 3)
})
