import { orders, type Version } from '@ordermill/model'
import { deletedOrder, firstOrder, nextOrder, orderChain } from '@ordermill/model/testing'
import { type Delivery, recordMessage } from '@ordermill/queue'
import fc from 'fast-check'
import t from 'tap'
import { readBatch } from './batch.ts'

let tag = 0
const deliveryOf = (version: Version, change: { body?: string; headers?: object; type?: string } = {}): Delivery => {
  const { body, properties } = recordMessage(version, { exchange: '', collection: 'orders', type: 'orders.v1' })
  const headers = { ...properties.headers, ...change.headers }
  return {
    body: change.body === undefined ? body : Buffer.from(change.body),
    properties: { ...properties, type: change.type ?? properties.type, headers } as unknown as Delivery['properties'],
    redelivered: false,
    tag: ++tag,
  }
}
const read = (...deliveries: Delivery[]) => readBatch(orders, deliveries)
const hashes = (rounds: readonly (readonly (readonly Version[])[])[]) =>
  rounds.map((round) => round.map((chain) => chain.map(({ hash }) => hash)))

t.test(
  'versions of one record that were built on each other make one chain, in between whatever else comes',
  async (t) => {
    const [first, second, third] = orderChain()
    const other = firstOrder()
    const { rounds } = read(...[first, other, second, third].map((version) => deliveryOf(version)))
    t.same(hashes(rounds), [[[first.hash, second.hash, third.hash], [other.hash]]])
  },
)

t.test('what was not built on the one before it waits for the next round', async (t) => {
  const [first, second, third] = orderChain()
  const fork = nextOrder(first, { amount: 99 })
  const { rounds } = read(...[first, second, fork, third].map((version) => deliveryOf(version)))
  t.same(hashes(rounds), [[[first.hash, second.hash]], [[fork.hash]], [[third.hash]]])
  const backwards = read(...[second, first].map((version) => deliveryOf(version)))
  t.same(hashes(backwards.rounds), [[[second.hash]], [[first.hash]]])
})

t.test('the same version twice is one, with both deliveries', async (t) => {
  const [first, second] = orderChain()
  const deliveries = [first, second, first, second, second].map((version) => deliveryOf(version))
  const { rounds, deliveriesOf } = read(...deliveries)
  t.same(hashes(rounds), [[[first.hash, second.hash]]])
  const [one, two] = rounds[0]?.[0] ?? []
  if (one === undefined || two === undefined) throw new Error('a chain of two')
  t.same(deliveriesOf.get(one), [deliveries[0], deliveries[2]])
  t.same(deliveriesOf.get(two), [deliveries[1], deliveries[3], deliveries[4]])
})

t.test('in whatever order versions come, each delivery is in one place and no round has a record twice', async (t) => {
  const chains = [orderChain(), orderChain(), orderChain()]
  const all = chains.flatMap((chain) => [...chain, nextOrder(chain[0], { amount: 7 })])
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...all), { maxLength: 40 }), (versions) => {
      const deliveries = versions.map((version) => deliveryOf(version))
      const { rounds, deliveriesOf, unreadable } = read(...deliveries)
      t.same(unreadable, [])
      const placed = rounds.flat(2).flatMap((version) => deliveriesOf.get(version) ?? [])
      t.same(new Set(placed), new Set(deliveries))
      t.equal(placed.length, deliveries.length)
      for (const round of rounds) t.equal(new Set(round.map(([{ id }]) => id)).size, round.length)
      for (const chain of rounds.flat())
        for (const [at, version] of chain.entries()) if (at > 0) t.equal(version.parent, chain[at - 1]?.hash)
    }),
    { numRuns: 50 },
  )
})

t.test('each message that cannot be read is told with its code and why; the others are read', async (t) => {
  const [first, second] = orderChain()
  const upper = firstOrder({}, { id: first.id.toUpperCase() })
  const withMember = (name: string, value: unknown) => JSON.stringify({ ...JSON.parse(first.text), [name]: value })
  const table: [string, Delivery, string, RegExp][] = [
    ['no JSON', deliveryOf(first, { body: '{"id":' }), 'unreadable', /not JSON/],
    ['an empty body', deliveryOf(first, { body: '' }), 'unreadable', /not a JSON object/],
    ['a list', deliveryOf(first, { body: '[]' }), 'unreadable', /not a JSON object/],
    ['another shape', deliveryOf(first, { body: '{}' }), 'unreadable', /not a record of orders/],
    ['an unknown member', deliveryOf(first, { body: withMember('vat', 1) }), 'unreadable', /not a record of orders/],
    ['a negative amount', deliveryOf(first, { body: withMember('amount', -1) }), 'unreadable', /\/amount/],
    ['an id in upper case', deliveryOf(upper), 'unreadable', /lower case/],
    ['another id', deliveryOf(first, { headers: { id: second.id.replace(/^./, 'f') } }), 'unreadable', /headers id/],
    ['another version', deliveryOf(first, { headers: { version: 2 } }), 'unreadable', /headers id and version/],
    [
      'a tombstone that says it is none',
      deliveryOf(deletedOrder(first), { headers: { deleted: false } }),
      'unreadable',
      /deleted/,
    ],
    [
      'a parent that is no hash',
      deliveryOf(second, { headers: { parent: `"${first.hash.slice(1)}` } }),
      'unreadable',
      /parent is not a hash/,
    ],
    ['another hash', deliveryOf(first, { headers: { hash: second.hash } }), 'hash-mismatch', /hash/],
    ['another parent', deliveryOf(second, { headers: { parent: second.hash } }), 'hash-mismatch', /hash/],
    ['a changed body', deliveryOf(first, { body: withMember('amount', 1) }), 'hash-mismatch', /hash/],
    ['a newer type', deliveryOf(first, { type: 'orders.v2' }), 'unknown-type', /orders\.v2/],
    ['no hash', deliveryOf(first, { headers: { hash: undefined } }), 'unreadable', /hash is missing/],
  ]
  const good = firstOrder()
  const { rounds, unreadable } = read(...table.map(([, delivery]) => delivery), deliveryOf(good))
  t.same(hashes(rounds), [[[good.hash]]])
  t.equal(unreadable.length, table.length)
  for (const [at, [what, delivery, code, reason]] of table.entries()) {
    t.equal(unreadable[at]?.delivery, delivery, what)
    t.match(unreadable[at]?.error, { code, message: reason }, what)
  }
})

t.test('the oldest is the one that was accepted first, wherever it stands', async (t) => {
  const at = (second: number) => firstOrder({}, { now: new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString() })
  t.equal(read(...[at(5), at(2), at(9)].map((version) => deliveryOf(version))).oldest, Date.UTC(2026, 0, 1, 0, 0, 2))
  t.equal(read().oldest, undefined)
})
