import { type CacheClient, connectCache } from '@ordermill/cache'
import { toError } from '@ordermill/model'
import type { Surroundings } from '../parts.ts'

/** The connection to Redis, and whether what it takes survives its restart. */
export interface CacheResource {
  client: CacheClient
  /** Redis writes an append-only file: it may journal what the broker cannot take. */
  durable(): boolean
}

/** Acquires the connection to Redis; released when the app closes. Says once when it is lost and once when it is back. */
export function cachePlugin({ app, options, log: root }: Surroundings): CacheResource {
  const log = root.child({ component: 'cache' })
  let durable = false
  let lost = false
  const client = connectCache({
    urls: options.REDIS_ADDR,
    timeout_ms: options.CACHE_TIMEOUT_MS,
    onError(error) {
      if (!lost) log.warn({ err: error }, 'the cache is away')
      lost = true
    },
    onReady() {
      if (lost) log.info('the cache is back')
      lost = false
      inspect().catch((thrown: unknown) => log.warn({ err: toError(thrown) }, 'the cache could not be inspected'))
    },
  })
  const inspect = async () => {
    const [persistence, memory] = await Promise.all([client.info('persistence'), client.info('memory')])
    durable = /^aof_enabled:1/m.test(persistence)
    if (!durable) log.warn('Redis runs without AOF: while the broker is away, nothing is accepted')
    const policy = /^maxmemory_policy:(allkeys-\S+)/m.exec(memory)?.[1]
    if (policy !== undefined)
      log.error({ policy }, 'Redis evicts keys without TTL under this policy: dirty records can be lost')
  }
  app.addHook('onClose', () => client.disconnect())
  return { client, durable: () => durable }
}
