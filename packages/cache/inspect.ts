import type { CacheClient } from './client.ts'

/** Redis is set up so that it throws dirty records away: nothing may be accepted into it. */
export class CacheUnfit extends Error {
  constructor(policy: string) {
    super(
      `Redis runs with maxmemory-policy ${policy}: it evicts keys without a TTL, which are records that Postgres may not have yet. ` +
        'Set volatile-lru, or noeviction.',
    )
    this.name = 'CacheUnfit'
  }
}

/**
 * Looks at how Redis is set up: whether what it takes survives its restart (AOF). In a cluster every node counts, replicas too: they
 * may take over.
 * @throws CacheUnfit if one evicts keys without a TTL
 */
export async function inspectCache(client: Pick<CacheClient, 'infos'>): Promise<{ durable: boolean }> {
  const [persistence, memory] = await Promise.all([client.infos('persistence'), client.infos('memory')])
  for (const info of memory) {
    const policy = /^maxmemory_policy:(allkeys-\S+)/m.exec(info)?.[1]
    if (policy !== undefined) throw new CacheUnfit(policy)
  }
  return { durable: persistence.every((info) => /^aof_enabled:1/m.test(info)) }
}
