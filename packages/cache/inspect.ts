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
 * Looks at how Redis is set up: whether what it takes survives its restart (AOF).
 * @throws CacheUnfit if it evicts keys without a TTL
 */
export async function inspectCache(client: Pick<CacheClient, 'info'>): Promise<{ durable: boolean }> {
  const [persistence, memory] = await Promise.all([client.info('persistence'), client.info('memory')])
  const policy = /^maxmemory_policy:(allkeys-\S+)/m.exec(memory)?.[1]
  if (policy !== undefined) throw new CacheUnfit(policy)
  return { durable: /^aof_enabled:1/m.test(persistence) }
}
