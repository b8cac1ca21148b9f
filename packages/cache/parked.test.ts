import { firstOrder, nextOrder } from '@ordermill/model/testing'
import t from 'tap'
import { keysOf } from './keys.ts'
import { offer, openCache } from './testing.ts'
import { cacheCorner } from './testing-corner.ts'

const { client, redis, namespace } = await cacheCorner(t)

let made = 0
const newCache = async (dirtyLimit = 6_400) => {
  const collection = `orders${++made}`
  const keys = keysOf(namespace, collection)
  return { cache: await openCache({ client, collection, namespace, dirtyLimit }), keys }
}

t.test(
  'parking turns marks, sent or not, into parked ones, which are told apart and keep the cached copy',
  async (t) => {
    const { cache, keys } = await newCache()
    const [unsent, sent, other] = [firstOrder(), firstOrder(), firstOrder()]
    for (const order of [unsent, sent, other]) await cache.accept(order)
    await cache.markSent([sent])
    t.equal(await cache.park([unsent, sent, firstOrder()]), 2, 'what was never accepted here gets no mark')
    t.match(await cache.dirty(), { unsent: 1, sent: 0, parked: 2 })
    await cache.markSent([unsent])
    t.equal(await cache.park([unsent]), 0, 'marking or parking again changes nothing')
    t.match(await cache.dirty(), { unsent: 1, sent: 0, parked: 2 })
    t.equal((await cache.read(sent.id))?.text, sent.text)
    t.equal(await redis.ttl(keys.record(sent.id)), -1)
  },
)

t.test('a mark of a fork is not parked with the version that has another hash', async (t) => {
  const { cache } = await newCache()
  const first = firstOrder()
  await cache.accept(first)
  t.equal(await cache.park([{ ...first, hash: 'another' }]), 0)
  t.match(await cache.dirty(), { unsent: 1, parked: 0 })
  const second = nextOrder(first, { amount: 1 })
  await cache.accept(second, first)
  t.equal(await cache.park([{ ...first, hash: 'another' }]), 0, 'nor once a newer one has taken its place')
  t.equal(await cache.park([first]), 1)
  t.match(await cache.dirty(), { unsent: 1, parked: 1 })
  t.equal(await cache.readVersion(first), undefined, 'its text is not kept a second time')
  t.equal((await cache.readVersion(second))?.text, second.text)
})

t.test('parked marks do not count toward the limit of dirty records', async (t) => {
  const { cache } = await newCache(64)
  const id = '01936f5e-8a4c-7d20-9b1e-0000000000'
  const [one, two] = [firstOrder({}, { id: `${id}00` }), firstOrder({}, { id: `${id}40` })]
  await cache.accept(one)
  t.same(await cache.accept(two), { outcome: 'limit' }, 'both are of one bucket, which may hold one')
  await cache.park([one])
  t.match(await cache.accept(two), { outcome: 'accepted' })
})

t.test('settling a parked version takes its mark and gives the copy its TTL', async (t) => {
  const { cache, keys } = await newCache()
  const order = firstOrder()
  await cache.accept(order)
  await cache.park([order])
  t.equal(await cache.settle([order]), 1)
  t.match(await cache.dirty(), { unsent: 0, sent: 0, parked: 0 })
  t.ok((await redis.ttl(keys.record(order.id))) > 0)
})

t.test('discarding takes mark and copy of that version, and nothing of another one or of a fork', async (t) => {
  const { cache } = await newCache()
  const first = firstOrder()
  const second = nextOrder(first, { amount: 1 })
  await cache.accept(first)
  await cache.park([first])
  await cache.discard({ ...first, hash: 'another' })
  t.match(await cache.dirty(), { parked: 1 })
  t.equal((await cache.read(first.id))?.version, 1)
  await cache.discard(first)
  t.match(await cache.dirty(), { unsent: 0, sent: 0, parked: 0 })
  t.equal(await cache.read(first.id), undefined)
  await offer(cache, first.id, first)
  await cache.accept(second, first)
  await cache.discard(first)
  t.equal((await cache.read(first.id))?.version, 2)
  t.match(await cache.dirty(), { unsent: 1, parked: 0 })
})
