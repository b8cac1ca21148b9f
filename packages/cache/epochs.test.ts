import { environment } from '@ordermill/config'
import type { Version } from '@ordermill/model'
import { firstOrder, nextOrder, orderChain } from '@ordermill/model/testing'
import { startServer } from '@ordermill/servers'
import { until } from '@ordermill/servers/testing'
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { connectCache, createBarriers, createRecordCache, type RecordCache, readThrough } from './index.ts'
import { offer } from './testing.ts'

const server = await startServer('redis', { env: environment() })
t.teardown(() => server.remove())
const { url } = server
const redis = new Redis(url)
t.teardown(() => redis.disconnect())
redis.on('error', () => undefined)

let made = 0
/** Two processes on one cache, which has caught up. */
const two = async (t: Test) => {
  const collection = `orders${++made}`
  const open = () => {
    const client = connectCache({ urls: [url], timeout_ms: 5_000, onError: () => undefined, onReady: () => undefined })
    t.teardown(() => client.disconnect())
    return { client, collection, namespace: '', dirtyLimit: 6_400 }
  }
  const [mine, others] = [open(), open()]
  const cache = createRecordCache(mine)
  const other = createRecordCache(others)
  const barriers = createBarriers(mine)
  const epoch = await until('Redis is there', () => cache.checkEpoch().catch(() => undefined))
  await barriers.pass(epoch)
  await until('it is there for the other', () => other.checkEpoch().catch(() => undefined))
  return { cache, other, barriers, epoch }
}
/** Killed and started again: what it had comes back from its append-only file. */
const restart = async (...caches: RecordCache[]) => {
  await server.kill('SIGKILL')
  await server.start()
  for (const cache of caches) await until('Redis is back', () => cache.checkEpoch().catch(() => undefined))
}

t.test('both processes take the same epoch to be in force, and count into it', async (t) => {
  const { cache, other, epoch } = await two(t)
  t.equal(await other.checkEpoch(), epoch)
  await cache.accept(firstOrder())
  t.match(await other.accept(firstOrder()), { outcome: 'accepted', epoch })
  const { since, ...period } = await cache.period()
  t.same(period, { epoch, accepted: 2 })
  t.ok(Math.abs(Date.parse(since) - Date.now()) < 60_000, since)
})

t.test('what was read in one epoch is neither built on nor kept in the next', async (t) => {
  const { cache, other, barriers, epoch } = await two(t)
  const [base, row] = [firstOrder(), firstOrder()]
  await cache.accept(base)
  other.bypassed()
  await barriers.pass(await other.checkEpoch())
  const before = await cache.moment(row.id)
  t.equal(before.epoch, epoch, 'this process has not noticed')
  t.same(await cache.accept(nextOrder(base, { amount: 1 }), { ...base, epoch }), { outcome: 'exists' })
  t.same(await cache.fill(row.id, row, { ...before, caughtUp: true }), { version: row, behind: true })
  t.equal(await cache.read(row.id), undefined)
  const now = await cache.moment(row.id)
  t.same(await cache.fill(row.id, row, { ...now, caughtUp: true }), { version: row, behind: false })
  t.match(await cache.accept(nextOrder(row, { amount: 1 }), { ...row, epoch: now.epoch }), { outcome: 'accepted' })
})

t.test('what Postgres said before it caught up is neither served nor kept: it is asked once more', async (t) => {
  const { cache, other, barriers } = await two(t)
  const [late, never] = [firstOrder(), firstOrder()]
  await redis.flushall()
  await other.checkEpoch()
  await cache.checkEpoch()
  const asked: (string | undefined)[] = []
  const load = (answers: (Version | undefined)[]) => async () => {
    const row = answers.shift()
    asked.push(row?.id)
    if (answers.length > 0) await barriers.pass(await cache.checkEpoch()) // just after Postgres has answered
    return row
  }
  t.match(await readThrough(cache, late.id, load([undefined, late])), { version: { hash: late.hash }, behind: false })
  t.same(asked, [undefined, late.id])
  t.match(await cache.read(late.id), { hash: late.hash })
  t.match(await readThrough(cache, never.id, load([undefined])), { version: undefined, behind: false }, 'known by now')
})

t.test('a cache that was wiped begins anew: what it does not have may be on its way to Postgres', async (t) => {
  const { cache, other, barriers, epoch } = await two(t)
  const known = firstOrder()
  await cache.accept(known)
  await redis.flushall()
  t.same(await offer(cache, known.id, undefined), { version: undefined, behind: true })
  const fresh = await cache.checkEpoch()
  t.not(fresh, epoch)
  t.equal(await barriers.behind(), fresh)
  t.same(await offer(other, known.id, known), { version: known, behind: true }, 'the other process noticed as well')
  t.equal(await cache.read(known.id), undefined, 'while Postgres may lack something nothing is kept')
  t.match(await cache.period(), { epoch: fresh, accepted: 0 })

  const born = firstOrder()
  t.match(await other.accept(born), { outcome: 'accepted', epoch: fresh }, 'what begins now is accepted')
  t.match(await cache.read(born.id), { current: true })
  t.match(await cache.accept(nextOrder(born, { amount: 1 }), born), { outcome: 'accepted' })

  await barriers.pass(epoch)
  t.equal(await barriers.behind(), fresh, 'an older barrier says nothing about it')
  await barriers.pass(fresh)
  t.equal(await barriers.behind(), undefined)
  t.equal(await barriers.last(), fresh)
  t.same(await offer(cache, known.id, known), { version: known, behind: false })
  t.match(await cache.read(known.id), { hash: known.hash, current: true })
})

t.test('what survived a restart is held against Postgres before it is trusted', async (t) => {
  const { cache, other, barriers } = await two(t)
  const [clean, unsent, sent, stale, fork] = [firstOrder(), firstOrder(), firstOrder(), firstOrder(), firstOrder()]
  for (const order of [clean, unsent, sent, stale, fork]) await cache.accept(order)
  await cache.markSent([clean, sent, stale])
  await cache.settle([clean])
  await restart(cache, other)
  t.match(await cache.read(unsent.id), { hash: unsent.hash, current: false })
  t.match(await offer(cache, unsent.id, undefined), { version: { hash: unsent.hash }, behind: true })

  await barriers.pass(await cache.checkEpoch())
  t.match(await offer(cache, clean.id, clean), { version: { hash: clean.hash }, behind: false })
  t.match(await cache.read(clean.id), { hash: clean.hash, current: true }, 'the same in both: trusted from now on')
  t.match(await offer(cache, unsent.id, undefined), { version: { hash: unsent.hash }, behind: false })
  t.match(await offer(cache, sent.id, sent), { version: { hash: sent.hash }, behind: false })
  const after = nextOrder(stale, { amount: 1 })
  t.match(await offer(cache, stale.id, after), { version: { hash: after.hash }, behind: false })
  t.match(await other.read(stale.id), { hash: after.hash, current: true }, 'Postgres knew a newer one')
  const other1 = firstOrder({ amount: 7 }, { id: fork.id })
  t.match(await offer(cache, fork.id, other1), { version: { hash: other1.hash }, behind: false })
  t.match(await cache.readVersion(fork), { hash: fork.hash }, 'what the broker lacks is kept for it')
})

t.test('a base from before the restart can be built upon once it was held against Postgres', async (t) => {
  const { cache, other, barriers } = await two(t)
  const [first, second] = orderChain()
  await cache.accept(first)
  await restart(cache, other)
  await barriers.pass(await cache.checkEpoch())
  const { version } = await offer(cache, first.id, undefined)
  t.match(version, { hash: first.hash })
  t.match(await cache.accept(second, first), { outcome: 'accepted', unsentBefore: 1 })
  t.match(await cache.read(first.id), { version: 2, current: true })
})

t.test('who accepted without the cache opens a new epoch before it says again what is not there', async (t) => {
  const { cache, other, barriers, epoch } = await two(t)
  const kept = firstOrder()
  await cache.accept(kept)
  cache.bypassed()
  t.same(await offer(cache, firstOrder().id, undefined), { version: undefined, behind: true })
  const fresh = await cache.checkEpoch()
  t.ok(fresh > epoch)
  t.equal(await cache.checkEpoch(), fresh, 'one, not one for each look')
  t.match(await other.accept(firstOrder()), { outcome: 'accepted', epoch: fresh })
  t.match(await other.read(kept.id), { current: false })
  t.equal(await barriers.behind(), fresh)
})

t.test('processes that notice at the same time agree on one epoch', async (t) => {
  const { cache, other } = await two(t)
  for (let round = 0; round < 20; round += 1) {
    await redis.flushall()
    await Promise.all([cache.accept(firstOrder()), other.accept(firstOrder()), cache.accept(firstOrder())])
    t.equal(await cache.checkEpoch(), await other.checkEpoch())
  }
})
