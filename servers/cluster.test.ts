import { createServer } from 'node:net'
import { environment } from '@ordermill/config'
import { Cluster } from 'ioredis'
import t from 'tap'
import { removeKeys } from './clear.ts'
import { freePort } from './ports.ts'
import { startCluster } from './start-one.ts'

t.test('six nodes of Redis are one cluster, though a port that was picked for them was taken first', async (t) => {
  const port = await freePort()
  const other = createServer().listen(port, '127.0.0.1')
  t.teardown(() => other.close())
  const picks = [port]
  const pick = async () => picks.shift() ?? freePort()
  const redis = await startCluster('redis', 6, { env: environment(), pick })
  t.teardown(() => redis.remove())
  const addresses = redis.env['REDIS_ADDR'] ?? ''
  t.notMatch(addresses, String(port))
  t.equal(redis.nodes.length, 6)
  const client = new Cluster(addresses.split(',').map((address) => `redis://${address}`))
  t.teardown(() => client.disconnect())
  const names = Array.from({ length: 30 }, (_, at) => `thing${at}`)
  for (const name of [...names, 'kept']) await client.set(name, 1)
  t.equal(client.nodes('master').length, 3)
  t.equal(client.nodes('slave').length, 3)
  t.equal(await removeKeys(addresses, 'thing*'), names.length, 'those of all its masters')
  t.equal(await client.exists('kept'), 1)
})
