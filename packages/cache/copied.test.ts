import { environment } from '@ordermill/config'
import { firstOrder } from '@ordermill/model/testing'
import { startServer } from '@ordermill/servers'
import { redisAt, until } from '@ordermill/servers/testing'
import t from 'tap'
import { connectCache, createRecordCache } from './index.ts'

t.test('a version counts as copied once a replica has it, and at once where there are no replicas', async (t) => {
  const [master, replica] = await Promise.all(['', ''].map(() => startServer('redis', { env: environment() })))
  if (master === undefined || replica === undefined) throw new Error('two servers were asked for')
  t.teardown(() => Promise.all([master.remove(), replica.remove()]).then(() => undefined))
  const client = connectCache({
    urls: [master.url],
    timeout_ms: 5_000,
    onError: () => undefined,
    onReady: () => undefined,
  })
  t.teardown(() => client.disconnect())
  const cache = createRecordCache({ client, collection: 'orders', namespace: '', dirtyLimit: 6_400 })
  await until('Redis is there', () => cache.checkEpoch().catch(() => undefined))
  const order = firstOrder()
  const epoch = await cache.checkEpoch()
  await cache.accept(order)
  t.equal(await cache.copied(order.id, epoch), true)

  const { hostname, port } = new URL(master.url)
  await redisAt(t, replica.url).replicaof(hostname, Number(port))
  await until('the replica has it', async () => (await client.infos('replication')).join().includes('state=online'))
  const second = firstOrder()
  await cache.accept(second)
  t.equal(await cache.copied(second.id, epoch), true)

  await replica.kill('SIGSTOP')
  t.teardown(() => replica.kill('SIGCONT'))
  await cache.accept(firstOrder())
  const started = performance.now()
  const told = await Promise.all(Array.from({ length: 20 }, () => cache.copied(order.id, epoch)))
  t.same([...new Set(told)], [false])
  t.ok(performance.now() - started < 2_000, 'many wait together, not one behind the other')

  await replica.kill('SIGCONT')
  await until('the replica has it', () => cache.copied(order.id, epoch))
  await master.kill('SIGKILL')
  await master.start()
  t.equal(
    await until('it is back', () => cache.copied(order.id, epoch).then(String, () => undefined)),
    'false',
    'a process that came back may have forgotten it before it was copied',
  )
})
