import { firstOrder, nextOrder, orderChain } from '@ordermill/model/testing'
import t from 'tap'
import { createBarriers, createRecordCache } from './index.ts'
import { keysOf } from './keys.ts'
import { offer, openCache } from './testing.ts'
import { cacheCorner } from './testing-corner.ts'

const { client, redis, namespace } = await cacheCorner(t)

let made = 0
const newCache = async () => {
  const collection = `orders${++made}`
  const keys = keysOf(namespace, collection)
  const parts = { client, collection, namespace, dirtyLimit: 6_400 }
  return { cache: await openCache(parts), barriers: createBarriers(parts), keys }
}
const day_s = 24 * 60 * 60

t.test('settling the version that is cached unmarks it and gives it a TTL of a day', async (t) => {
  const { cache, keys } = await newCache()
  const [unsent, sent] = [firstOrder(), firstOrder()]
  await cache.accept(unsent)
  await cache.accept(sent)
  await cache.markSent([sent])
  t.equal(await cache.settle([unsent, sent]), 2)
  t.match(await cache.dirty(), { unsent: 0, sent: 0 })
  for (const { id, text } of [unsent, sent]) {
    t.equal((await cache.read(id))?.text, text)
    const ttl_s = await redis.ttl(keys.record(id))
    t.ok(ttl_s > day_s - 60 && ttl_s <= day_s, `${ttl_s} s`)
  }
  t.equal(await cache.settle([unsent, sent]), 0, 'a second time there is nothing to unmark')
})

t.test('settling an older version leaves the newer one that is cached dirty and without TTL', async (t) => {
  const { cache, keys } = await newCache()
  const first = firstOrder()
  const second = nextOrder(first, { amount: 1 })
  await cache.accept(first)
  await cache.accept(second, first)
  t.equal(await cache.settle([first]), 1)
  t.match(await cache.dirty(), { unsent: 1, sent: 0 })
  t.equal((await cache.read(first.id))?.version, 2)
  t.equal(await redis.ttl(keys.record(first.id)), -1)
  t.equal(await cache.readVersion(first), undefined, 'the copy that was kept for its mark is gone with the mark')
  t.equal(await redis.exists(`${keys.record(first.id)}:1`), 0)
})

t.test('settling deletes a cached older version: the next read gets the newer one from Postgres', async (t) => {
  const { cache } = await newCache()
  const [first, second] = orderChain()
  await offer(cache, first.id, first)
  await cache.settle([second])
  t.equal(await cache.read(first.id), undefined)
})

t.test('settling deletes a cached fork of the same version', async (t) => {
  const { cache } = await newCache()
  const persisted = firstOrder()
  const fork = firstOrder({ amount: 66 }, { id: persisted.id })
  await offer(cache, fork.id, fork)
  await cache.settle([persisted])
  t.equal(await cache.read(fork.id), undefined)
})

t.test('a fork that the broker does not have yet keeps its mark and its text when the other is settled', async (t) => {
  const { cache } = await newCache()
  const persisted = firstOrder()
  const fork = firstOrder({ amount: 66 }, { id: persisted.id })
  await cache.accept(fork)
  t.equal(await cache.settle([persisted]), 0)
  t.match(
    await cache.dirty(),
    { unsent: 1, sent: 0 },
    'accepted, so it must still come to the queue, to be parked there',
  )
  t.equal(await cache.read(fork.id), undefined, 'but it is not what readers get')
  t.equal((await cache.readVersion(fork))?.text, fork.text)
  t.equal(await cache.settle([fork]), 1)
  t.match(await cache.dirty(), { unsent: 0, sent: 0 })
  t.equal(await cache.readVersion(fork), undefined)
})

t.test('a fork that the broker does not have yet is kept, whatever becomes of the one in its place', async (t) => {
  const ways = ['changed', 'settled again', 'read in a new epoch'] as const
  for (const way of ways) {
    const { cache, barriers } = await newCache()
    const persisted = firstOrder()
    const fork = firstOrder({ amount: 66 }, { id: persisted.id })
    await cache.accept(fork)
    await cache.settle([persisted])
    await offer(cache, persisted.id, persisted)
    const next = nextOrder(persisted, { amount: 1 })
    if (way === 'changed') t.match(await cache.accept(next, persisted), { outcome: 'accepted', unsentBefore: 1 })
    else if (way === 'settled again') await cache.settle([next])
    else {
      cache.bypassed()
      await barriers.pass(await cache.checkEpoch())
      await offer(cache, next.id, next)
    }
    t.equal((await cache.readVersion(fork))?.text, fork.text, way)
  }
})

t.test(
  'an older version that the broker does not have yet stays readable by its mark when a newer one is settled',
  async (t) => {
    const { cache } = await newCache()
    const first = firstOrder()
    const other = firstOrder({ amount: 66 }, { id: first.id })
    const newer = nextOrder(nextOrder(other, { amount: 67 }), { amount: 68 })
    await cache.accept(first)
    t.equal(await cache.settle([newer]), 0)
    t.equal(await cache.read(first.id), undefined)
    t.equal((await cache.readVersion(first))?.text, first.text)
  },
)

t.test('what was asked for before a newer version was settled is served, and not kept', async (t) => {
  const { cache } = await newCache()
  const [first, second, third] = orderChain()
  const moment = await cache.moment(first.id)
  await cache.settle([second])
  t.equal((await cache.fill(first.id, first, moment)).version?.version, 1)
  t.equal(await cache.read(first.id), undefined)
  t.equal((await offer(cache, second.id, second)).version?.version, 2)
  t.equal((await cache.read(first.id))?.version, 2)
  await cache.settle([third])
  t.equal(await cache.read(first.id), undefined)
  t.equal((await offer(cache, third.id, third)).version?.version, 3)
  t.equal((await cache.read(first.id))?.text, third.text)
})

t.test('a late fill is not kept though Redis has thrown away all that it may', async (t) => {
  const { cache, keys } = await newCache()
  const [first, second] = orderChain()
  const evictAll = async () => {
    for (const key of await redis.keys(`*${first.id}*`)) if ((await redis.ttl(key)) >= 0) await redis.unlink(key)
  }
  await cache.accept(first)
  await cache.settle([first])
  await evictAll()
  const [late, quick] = [await cache.moment(first.id), await cache.moment(first.id)]
  t.equal(late.token, quick.token, 'who asks at the same time has the same token')
  const left_s = await redis.ttl(keys.asked(first.id))
  t.ok(left_s > 0 && left_s <= 10, `${left_s} s`)
  await cache.fill(first.id, first, quick)
  t.equal((await cache.read(first.id))?.version, 1)
  await cache.accept(second, first)
  await cache.settle([second])
  await evictAll()
  t.equal((await cache.fill(first.id, first, late)).version?.version, 1)
  t.equal(await cache.read(first.id), undefined)
  t.not((await cache.moment(first.id)).token, late.token)
})

t.test('who asks for what is nowhere leaves a token that goes by itself', async (t) => {
  const { cache, keys } = await newCache()
  const { id } = firstOrder()
  t.same(await offer(cache, id, undefined), { version: undefined, behind: false })
  const left_s = await redis.ttl(keys.asked(id))
  t.ok(left_s > 0 && left_s <= 10, `${left_s} s`)
})

t.test(
  'a first version is accepted if nothing was settled since Postgres had nothing, though Redis threw that away',
  async (t) => {
    const { cache, keys } = await newCache()
    const [first, repeated] = [firstOrder(), firstOrder()]
    const again = { ...repeated, id: first.id }
    const nothing = async () => {
      const moment = await cache.moment(first.id)
      await cache.fill(first.id, undefined, moment)
      return moment
    }
    const before = await nothing()
    t.match(await cache.accept(first, await nothing()), { outcome: 'accepted' })
    t.same(await cache.accept(again, before), { outcome: 'exists' })
    await cache.settle([first])
    await redis.unlink(keys.record(first.id))
    t.same(await cache.accept(again, before), { outcome: 'exists' }, 'Postgres is to be asked again')
    t.match(
      await cache.accept(again, await nothing()),
      { outcome: 'accepted' },
      'it is what Postgres said now that counts',
    )
  },
)

t.test('a first version is not accepted in an epoch that began after Postgres was asked', async (t) => {
  const { cache } = await newCache()
  const first = firstOrder()
  const moment = await cache.moment(first.id)
  cache.bypassed()
  await cache.checkEpoch()
  t.same(await cache.accept(first, moment), { outcome: 'exists' })
})

t.test('a fill gives what stands when that is newer, and keeps its hands off what is dirty', async (t) => {
  const { cache, keys } = await newCache()
  const first = firstOrder()
  const second = nextOrder(first, { amount: 1 })
  await cache.accept(first)
  await cache.accept(second, first)
  t.equal((await offer(cache, first.id, first)).version?.hash, second.hash)
  t.equal(await redis.ttl(keys.record(first.id)), -1)
  t.match(await cache.dirty(), { unsent: 2 })
})

t.test('a fill with a newer version than the clean one that stands replaces it, and is what is served', async (t) => {
  const { cache } = await newCache()
  const first = firstOrder()
  const second = nextOrder(first, { amount: 1 })
  await offer(cache, first.id, first)
  t.equal((await offer(cache, second.id, second)).version?.hash, second.hash)
  t.equal((await cache.read(first.id))?.hash, second.hash)
})

t.test('a fill with a newer version than a dirty one is served, and the dirty one stays', async (t) => {
  const { cache } = await newCache()
  const first = firstOrder()
  const second = nextOrder(first, { amount: 1 })
  await cache.accept(first)
  t.equal((await offer(cache, second.id, second)).version?.hash, second.hash)
  t.equal((await cache.read(first.id))?.hash, first.hash)
  t.match(await cache.dirty(), { unsent: 1 })
})

t.test(
  'a fork that the broker does not have yet is kept when both that persisted without it come in one call',
  async (t) => {
    for (const turned of [false, true]) {
      const { cache } = await newCache()
      const persisted = firstOrder()
      const fork = firstOrder({ amount: 66 }, { id: persisted.id })
      const next = nextOrder(persisted, { amount: 1 })
      await cache.accept(fork)
      t.equal(await cache.settle(turned ? [next, persisted] : [persisted, next]), 0)
      t.equal((await cache.readVersion(fork))?.text, fork.text)
      t.match(await cache.dirty(), { unsent: 1, sent: 0 })
      t.equal(await cache.settle([fork]), 1)
      t.equal(await cache.readVersion(fork), undefined)
    }
  },
)

t.test('versions of one record that are settled in one call leave nothing of it behind but the last', async (t) => {
  const { cache, keys } = await newCache()
  const chain = orderChain()
  const [first, second, third, fourth] = chain
  await cache.accept(first)
  await cache.accept(second, first)
  await cache.markSent([first])
  await cache.accept(third, second)
  await cache.accept(fourth, third)
  t.equal(await cache.settle([...chain].reverse()), 4)
  t.match(await cache.dirty(), { unsent: 0, sent: 0 })
  t.equal((await cache.read(first.id))?.hash, fourth.hash)
  for (const { version } of chain) t.equal(await redis.exists(`${keys.record(first.id)}:${version}`), 0)
})

t.test('versions of many buckets are settled by few commands, and every one of them is', async (t) => {
  const { cache } = await newCache()
  const all = Array.from({ length: 450 }, () => firstOrder())
  await Promise.all(all.map((version) => cache.accept(version)))
  const commands: number[] = []
  const counting = Object.create(client, {
    settle: {
      value: (keys: number, ...rest: string[]) => {
        commands.push(keys)
        return client.settle(keys, ...rest)
      },
    },
  })
  const collection = `orders${made}`
  const other = createRecordCache({ client: counting, collection, namespace, dirtyLimit: 6_400 })
  t.equal(await other.settle(all), 450)
  t.equal(commands.length, 3)
  t.match(await cache.dirty(), { unsent: 0, sent: 0 })
  for (const { id } of all) t.ok((await redis.ttl(keysOf(namespace, collection).record(id))) > 0)
})
