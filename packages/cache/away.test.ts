import { environment } from '@ordermill/config'
import { Unavailable } from '@ordermill/model'
import { firstOrder, nextOrder } from '@ordermill/model/testing'
import { startServer } from '@ordermill/servers'
import { until } from '@ordermill/servers/testing'
import { Redis } from 'ioredis'
import t from 'tap'
import { connectCache, createBarriers } from './index.ts'
import { offer, openCache } from './testing.ts'

const server = await startServer('redis', { env: environment() })
t.teardown(() => server.remove())
const url = server.url
let ready = 0
const client = connectCache({ urls: [url], timeout_ms: 300, onError: () => undefined, onReady: () => void ready++ })
t.teardown(() => client.disconnect())
await until('Redis is there', () => ready === 1)
// What is to be timed comes later: until then a machine that is busy may take longer than the deadline.
const patiently = <T>(what: string, call: () => Promise<T>): Promise<T> =>
  until(what, () => call().catch(() => undefined))
const parts = { client, collection: 'orders', namespace: '', dirtyLimit: 6_400 }
const cache = await patiently('the cache is there', () => openCache(parts))
const known = await patiently('it has a record', async () => {
  const record = firstOrder()
  await cache.accept(record)
  return record
})

const failure = async (work: Promise<unknown>): Promise<{ code: string; took_ms: number }> => {
  const started = performance.now()
  const thrown = await work.then(
    () => undefined,
    (error: unknown) => error,
  )
  if (!(thrown instanceof Unavailable)) throw new Error('not Unavailable', { cause: thrown })
  return { code: thrown.code, took_ms: performance.now() - started }
}

t.test('while Redis is away every call fails at once, and nothing that failed turns up when it is back', async (t) => {
  // While the file is being synced, what is answered may wait for up to 2 s to be written to it, and is lost with the process.
  await until('the record is in the append-only file', async () => {
    const [persistence = ''] = await client.infos('persistence').catch(() => [])
    return /^aof_buffer_length:0\r?$/m.test(persistence)
  })
  await server.kill('SIGKILL')
  await until('the loss is noticed', () =>
    cache.read(known.id).then(
      () => false,
      () => true,
    ),
  )
  const refused = firstOrder()
  const calls: [string, () => Promise<unknown>][] = [
    ['accept', () => cache.accept(refused)],
    ['markSent', () => cache.markSent([known])],
    ['settle', () => cache.settle([known])],
    ['read', () => cache.read(known.id)],
    ['readMany', () => cache.readMany([known.id, refused.id])],
    ['readVersion', () => cache.readVersion(known)],
    ['fill', () => offer(cache, refused.id, refused)],
    ['dirty', () => cache.dirty()],
    ['marksOlderThan', () => cache.marksOlderThan('unsent', 0, 10)],
    ['period', () => cache.period()],
  ]
  for (const [name, call] of calls) {
    const { code, took_ms } = await failure(call())
    t.equal(code, 'cache-away', name)
    t.ok(took_ms < 250, `${name} took ${took_ms} ms`)
  }
  await server.start()
  await until('the client is back', () => ready === 2)
  t.equal((await cache.read(known.id))?.text, known.text, 'what was accepted is still there, from the append-only file')
  t.equal(await cache.read(refused.id), undefined)
  t.match(await cache.accept(refused), { outcome: 'accepted', unsentBefore: 0 })
  t.match(await cache.dirty(), { unsent: 2, sent: 0 })
})

t.test('an accept whose answer is lost is outcome-open, and the record may turn up', async (t) => {
  const order = firstOrder()
  await server.kill('SIGSTOP')
  const { code, took_ms } = await failure(cache.accept(order)).finally(() => server.kill('SIGCONT'))
  t.equal(code, 'outcome-open')
  t.ok(took_ms >= 250 && took_ms < 2_000, `${took_ms} ms`)
  const entry = await until('the record turned up', () => cache.read(order.id).catch(() => undefined))
  t.equal(entry.hash, order.hash)
})

t.test('reads of a Redis that hangs are cache-away after the timeout', async (t) => {
  await server.kill('SIGSTOP')
  const { code } = await failure(cache.read(known.id)).finally(() => server.kill('SIGCONT'))
  t.equal(code, 'cache-away')
  await until('it answers again', () => cache.read(known.id).catch(() => undefined))
})

t.test('a Redis that hangs for long is away: what comes then fails at once', async (t) => {
  await server.kill('SIGSTOP')
  const away = await until('its connection is given up', async () => {
    const { code, took_ms } = await failure(cache.accept(firstOrder()))
    return code === 'cache-away' && { took_ms }
  }).finally(() => server.kill('SIGCONT'))
  t.ok(away.took_ms < 250, `${away.took_ms} ms`)
  await until('it answers again', () => cache.read(known.id).catch(() => undefined))
})

t.test('an accept in flight when Redis is killed is outcome-open', async (t) => {
  await server.kill('SIGSTOP')
  const accepting = failure(cache.accept(firstOrder()))
  await server.kill('SIGKILL')
  t.equal((await accepting).code, 'outcome-open')
  await server.start()
  await until('the client is back', () => cache.read(known.id).catch(() => undefined))
})

t.test(
  'a full Redis refuses with cache-full and writes nothing; what is there can still be read and settled',
  async (t) => {
    const redis = new Redis(url)
    t.teardown(() => redis.disconnect())
    await createBarriers({ client, collection: 'orders', namespace: '' }).pass(await cache.checkEpoch())
    await redis.config('SET', 'maxmemory', '1mb')
    const refused = firstOrder()
    t.equal((await failure(cache.accept(refused))).code, 'cache-full')
    t.equal((await failure(offer(cache, refused.id, refused))).code, 'cache-full')
    t.equal(await cache.read(refused.id), undefined)
    const next = nextOrder(known, { amount: 1 })
    await cache.accept(next, known).catch(() => undefined)
    t.ok(await cache.read(known.id), 'an update leaves one version or the other, never none')
    t.equal(await cache.settle([known]), 1)
    await redis.config('SET', 'maxmemory', '0')
    t.match(await cache.accept(refused), { outcome: 'accepted', unsentBefore: 0 })
  },
)
