import { Client as Engine } from '@elastic/elasticsearch'
import { Cluster, Redis } from 'ioredis'

/**
 * Takes away the keys that match a glob: what a Redis that forgets would do. Several addresses, separated by commas, are those of a
 * cluster: all its masters are cleared. Gives how many keys there were.
 */
export async function removeKeys(addresses: string, match: string): Promise<number> {
  const urls = addresses.split(',').map((one) => (one.includes('://') ? one : `redis://${one}`))
  const [first = '', ...others] = urls
  const options = { maxRetriesPerRequest: 1 }
  if (others.length === 0) {
    const redis = new Redis(first, options)
    return await removeFrom(redis, match).finally(() => redis.disconnect())
  }
  const { username, password, protocol } = new URL(first)
  const access = {
    username: decodeURIComponent(username),
    password: decodeURIComponent(password),
    ...(protocol === 'rediss:' ? { tls: {} } : {}),
  }
  const cluster = new Cluster(urls, { redisOptions: { ...options, ...access }, lazyConnect: true })
  try {
    await cluster.connect()
    const removed = await Promise.all(cluster.nodes('master').map((node) => removeFrom(node, match)))
    return removed.reduce((sum, some) => sum + some, 0)
  } finally {
    cluster.disconnect()
  }
}

async function removeFrom(redis: Redis, match: string): Promise<number> {
  let removed = 0
  let cursor = '0'
  do {
    const [next, keys] = await redis.scan(cursor, 'MATCH', match, 'COUNT', 1_000)
    // One by one: keys of several slots are not taken together.
    removed += (await Promise.all(keys.map((key) => redis.unlink(key)))).reduce((sum, one) => sum + one, 0)
    cursor = next
  } while (cursor !== '0')
  return removed
}

/** Takes away the indices that match a glob, and their templates; at an address, or by a client, which stays open. Gives their names. */
export async function removeIndices(at: string | Engine, match: string): Promise<string[]> {
  const engine = typeof at === 'string' ? new Engine({ node: at }) : at
  try {
    const names = Object.keys(await engine.indices.get({ index: match, allow_no_indices: true }))
    if (names.length > 0) await engine.indices.delete({ index: names })
    await engine.indices.deleteIndexTemplate({ name: `ordermill-${match}` }, { ignore: [404] })
    return names
  } finally {
    if (engine !== at) await engine.close()
  }
}
