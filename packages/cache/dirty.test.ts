import { environment } from '@ordermill/config'
import { newId } from '@ordermill/model'
import { firstOrder, orderChain } from '@ordermill/model/testing'
import { corner, until } from '@ordermill/servers/testing'
import t from 'tap'
import { connectCache, createDirty, createRecordCache, type Marked } from './index.ts'

const { env, namespace } = await corner(t, environment())
const nothing = () => undefined
const client = connectCache({
  urls: [`redis://${env['REDIS_ADDR']}`],
  timeout_ms: 5_000,
  onError: nothing,
  onReady: nothing,
})
t.teardown(() => client.disconnect())
await until('Redis answers', () => client.ping().catch(() => false))
let made = 0
const collectionOf = () => {
  made += 1
  const collection = `orders${made}`
  return {
    cache: createRecordCache({ client, collection, namespace, dirtyLimit: 100_000 }),
    dirty: createDirty({ client, collection, namespace }),
  }
}
const nameOf = ({ id, version }: { id: string; version: number }) => `${id}:${version}`

t.test('pages bring every dirty version once, oldest first, also those of one millisecond in one bucket', async (t) => {
  const { cache, dirty } = collectionOf()
  const inOneBucket = Array.from({ length: 120 }, () => firstOrder({}, { id: `${newId().slice(0, -2)}00` }))
  const orders = [...inOneBucket, ...Array.from({ length: 80 }, () => firstOrder())]
  await Promise.all(orders.map((order) => cache.accept(order))) // at once: many share their millisecond
  await cache.markSent(orders.slice(0, 50))
  const found: Marked[] = []
  for (;;) {
    const page = await dirty.page(['unsent', 'sent'], 7, found.at(-1))
    found.push(...page)
    if (page.length < 7) break
  }
  t.same(found.map(nameOf).sort(), orders.map(nameOf).sort())
  t.same(
    found,
    found.toSorted((a, b) => a.since_ms - b.since_ms),
  )
  t.equal(found.filter(({ mark }) => mark === 'sent').length, 50)
  t.equal((await dirty.page(['sent'], 100)).length, 50)
  t.ok((await dirty.now_ms()) - (found[0]?.since_ms ?? 0) < 60_000)
  const [order] = orders
  t.ok((await dirty.bytes([order?.id ?? ''])) > (order?.text.length ?? 0))
})

t.test('the dirty versions of one record are found with their marks', async (t) => {
  const { cache, dirty } = collectionOf()
  const [first, second, third] = orderChain()
  await cache.accept(first)
  await cache.markSent([first])
  await cache.accept(second, first)
  await cache.markSent([second])
  await cache.park([second])
  await cache.accept(third, second)
  t.match(await dirty.ofRecord(first.id, 3), [
    { version: 1, mark: 'sent' },
    { version: 2, mark: 'parked' },
    { version: 3, mark: 'unsent' },
  ])
  t.same(await dirty.ofRecord(newId(), 1), [])
  const old = { ...firstOrder(), version: 250 }
  await cache.accept(old)
  t.match(await dirty.ofRecord(old.id, 250), [{ version: 250, mark: 'unsent' }])
  t.match(await dirty.ofRecord(old.id, 300), [{ version: 250 }], 'a newer one is known elsewhere')
})
