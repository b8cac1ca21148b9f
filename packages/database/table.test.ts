import { BadData, newId, orders } from '@ordermill/model'
import { deletedOrder, firstOrder, nextOrder, orderChain } from '@ordermill/model/testing'
import t from 'tap'
import { type Chain, createReader, createTable } from './index.ts'
import { testDatabase, whenever } from './testing.ts'

const { database } = await testDatabase(t)
const table = createTable(database, orders)
const stored = createReader(database, orders)
const apply = (...chains: Chain[]) => table.apply(chains, whenever())
/** What stands, then what was superseded, newest first. */
const versionsOf = async (id: string) => {
  const rows = await database.query<{ version: number; hash: string; parent: string | null }>({
    text: `SELECT version, hash, parent FROM orders WHERE id = $1 UNION ALL
      SELECT version, hash, parent FROM orders_history WHERE id = $1 ORDER BY version DESC`,
    values: [id],
  })
  return rows
}
const identity = ({ version, hash, parent }: { version: number; hash: string; parent: string | null }) => ({
  version,
  hash,
  parent,
})

t.test('a first version is inserted, and its row says what its text says', async (t) => {
  const order = firstOrder({ product_name: 'Cakestand', amount: 25.5, quantity: 3, currency: 'GBP', reference: 'r1' })
  t.same(await apply([order]), [['inserted']])
  const [row] = await database.query({ text: 'SELECT * FROM orders WHERE id = $1', values: [order.id] })
  t.match(row, {
    version: 1,
    hash: order.hash,
    parent: null,
    status: 'placed',
    product_name: 'Cakestand',
    quantity: 3,
    amount: '25.5000',
    currency: 'GBP',
    customer_id: null,
    reference: 'r1',
    deleted_at: null,
    keys: null,
  })
  t.same(await versionsOf(order.id), [identity(order)], 'a first version costs no history')
})

t.test('an update replaces its base, which goes to the history whole', async (t) => {
  const [first, second] = orderChain()
  await apply([first])
  t.same(await apply([second]), [['updated']])
  t.equal((await stored.read(first.id))?.text, second.text)
  t.same(await versionsOf(first.id), [second, first].map(identity))
  const [kept] = await database.query<{ body: unknown }>({
    text: 'SELECT body FROM orders_history WHERE id = $1',
    values: [first.id],
  })
  t.same(kept?.body, JSON.parse(first.text))
})

t.test('of a chain in one batch the last version stands and the others are history', async (t) => {
  const chain = orderChain()
  t.same(await apply(chain), [['superseded', 'superseded', 'superseded', 'inserted']])
  t.same(await versionsOf(chain[0].id), [...chain].reverse().map(identity))
  const bodies = await database.query<{ body: unknown }>({
    text: 'SELECT body FROM orders_history WHERE id = $1 ORDER BY version',
    values: [chain[0].id],
  })
  t.same(
    bodies.map(({ body }) => body),
    chain.slice(0, 3).map(({ text }) => JSON.parse(text)),
  )
  t.same(await apply(chain), [['duplicate', 'duplicate', 'duplicate', 'duplicate']], 'the same once more')
  t.equal((await versionsOf(chain[0].id)).length, 4)
})

t.test('a chain whose beginning was persisted before goes on from there', async (t) => {
  const [first, second, third, fourth] = orderChain()
  await apply([first, second])
  t.same(await apply([first, second, third, fourth]), [['duplicate', 'duplicate', 'superseded', 'updated']])
  t.same(await versionsOf(first.id), [fourth, third, second, first].map(identity))
  t.same(await apply([second, third]), [['duplicate', 'duplicate']], 'an older piece of it comes late')
  t.equal((await stored.read(first.id))?.version, 4)
})

t.test('a redelivered version is a duplicate and takes no new change number', async (t) => {
  const order = firstOrder()
  await apply([order])
  const before = await stored.lastChange()
  for (let again = 0; again < 3; again += 1) t.same(await apply([order]), [['duplicate']])
  t.equal(await stored.lastChange(), before)
})

t.test('a fork is a conflict, and neither row nor history changes', async (t) => {
  const [first, second] = orderChain()
  await apply([first, second])
  const before = await versionsOf(first.id)
  const otherSecond = nextOrder(first, { amount: 99 })
  const otherFirst = firstOrder({ amount: 98 }, { id: first.id })
  const orphan = nextOrder(nextOrder(otherFirst, { amount: 97 }), { amount: 96 })
  t.same(await apply([otherSecond]), [['conflict']])
  t.same(await apply([otherFirst]), [['conflict']])
  t.same(await apply([orphan]), [['conflict']])
  t.same(await apply([first, otherSecond, nextOrder(otherSecond, { amount: 1 })]), [
    ['duplicate', 'conflict', 'conflict'],
  ])
  t.same(await versionsOf(first.id), before)
  t.equal((await stored.read(first.id))?.text, second.text)
})

t.test('a tombstone stands, and a late older version does not bring the record back', async (t) => {
  const [first, second] = orderChain()
  const gone = deletedOrder(second)
  await apply([first])
  t.same(await apply([second, gone]), [['superseded', 'updated']])
  t.match(await stored.read(first.id), { deleted: true, version: 3, text: gone.text })
  t.same(await apply([second]), [['duplicate']])
  t.same(await apply([nextOrder(first, { amount: 5 })]), [['conflict']])
  t.match(await stored.read(first.id), { deleted: true, version: 3 })
})

t.test('500 of all kinds in one batch get each its own outcome, in the order they were given', async (t) => {
  const standing = Array.from({ length: 125 }, () => firstOrder())
  await apply(...standing.map((order): Chain => [order]))
  const chains = standing.flatMap((order): [Chain, string[]][] => [
    [[firstOrder()], ['inserted']],
    [[nextOrder(order, { amount: 1 })], ['updated']],
  ])
  const others = standing.flatMap((): [Chain, string[]][] => {
    const [first, second, third] = orderChain()
    return [
      [
        [first, second, third],
        ['superseded', 'superseded', 'inserted'],
      ],
      [[nextOrder(firstOrder(), { amount: 1 })], ['inserted']],
    ]
  })
  const batch = [...chains, ...others].sort(() => Math.random() - 0.5)
  const outcomes = await apply(...batch.map(([chain]) => chain))
  t.same(
    outcomes,
    batch.map(([, expected]) => expected),
  )
  const lasts = batch.flatMap(([chain]) => chain.at(-1) ?? [])
  const texts = (await stored.readMany(lasts.map(({ id }) => id))).map((version) => version?.text)
  t.same(
    texts,
    lasts.map(({ text }) => text),
  )
})

t.test('bad data anywhere in a batch writes nothing of it', async (t) => {
  await database.query({ text: `ALTER TABLE orders ADD CHECK (product_name <> 'forbidden')` })
  const [first, second] = orderChain()
  await apply([first])
  const before = await stored.lastChange()
  const good = firstOrder()
  const huge = firstOrder({}, {})
  const overflow = { ...huge, text: huge.text.replace('12.75', '1000000000000') }
  const forbidden = firstOrder({ product_name: 'forbidden' })
  const nul = { ...huge, id: newId(), text: huge.text.replace('Cakestand', 'Cake\\u0000stand') }
  const bad: [Chain, string][] = [
    [[overflow], 'sql-22003'],
    [[forbidden], 'sql-23514'],
    [[nul], 'sql-22P05'],
  ]
  for (const [chain, code] of bad) {
    const thrown = await apply([good], [second], chain).catch((error: unknown) => error)
    t.type(thrown, BadData)
    t.match(thrown, { code })
    t.equal(await stored.read(good.id), undefined)
    t.equal((await stored.read(first.id))?.version, 1)
    t.equal((await versionsOf(first.id)).length, 1, 'nor is there a history')
    t.equal(await stored.lastChange(), before)
  }
  t.same(await apply([good], [second]), [['inserted'], ['updated']], 'without it the others pass')
})

t.test('nothing to apply is applied', async (t) => {
  t.same(await apply(), [])
})

t.test('persisted names the versions that stand or stood, and no others', async (t) => {
  const [first, second, third] = orderChain()
  const other = firstOrder()
  await apply([first, second])
  const found = await stored.persisted([first, second, third, other])
  const byVersion = found.toSorted((a, b) => a.version - b.version)
  t.same(
    byVersion,
    [first, second].map(({ id, version, hash }) => ({ id, version, hash })),
  )
})
