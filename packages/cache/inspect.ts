import type { CacheClient } from './client.ts'

/** Redis is set up so that nothing may be accepted into it: it throws dirty records away, or most of it is never asked. */
export class CacheUnfit extends Error {
  override readonly name = 'CacheUnfit'
}

const evicts = (policy: string) =>
  new CacheUnfit(
    `Redis runs with maxmemory-policy ${policy}: it evicts keys without a TTL, which are records that Postgres may not have yet. ` +
      'Set volatile-lru, or noeviction.',
  )
const isOneOfMany = () =>
  new CacheUnfit('Redis at this one address is a node of a cluster: name two nodes at least in REDIS_ADDR.')

/**
 * Looks at how Redis is set up: whether what it takes survives its restart (AOF). In a cluster every node counts, replicas too: they
 * may take over.
 * @throws CacheUnfit if one evicts keys without a TTL, or one is a node of a cluster of which it is the only address
 */
export async function inspectCache(client: Pick<CacheClient, 'infos' | 'isCluster'>): Promise<{ durable: boolean }> {
  const [server, persistence, memory] = await Promise.all([
    client.infos('server'),
    client.infos('persistence'),
    client.infos('memory'),
  ])
  if (!client.isCluster && server.some((info) => /^redis_mode:cluster/m.test(info))) throw isOneOfMany()
  for (const info of memory) {
    const policy = /^maxmemory_policy:(allkeys-\S+)/m.exec(info)?.[1]
    if (policy !== undefined) throw evicts(policy)
  }
  return { durable: persistence.every((info) => /^aof_enabled:1/m.test(info)) }
}
