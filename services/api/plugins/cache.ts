import { type CacheClient, CacheUnfit, connectCache, inspectCache } from '@ordermill/cache'
import { toError } from '@ordermill/model'
import type { Surroundings } from '../parts.ts'

/** The connection to Redis, and whether what it takes survives its restart. */
export interface CacheResource {
  client: CacheClient
  /** Redis writes an append-only file: it may journal what the broker cannot take. */
  durable(): boolean
  /** There was a connection since the start, whatever became of it. */
  wasThere(): boolean
  /** Rejects with CacheUnfit if nothing may be accepted into Redis as it is set up; never resolves. */
  unfit: Promise<never>
}

/** How soon Redis is asked again how it is set up, if it did not say so in time. */
const inspectAgain_ms = 1_000

/** Acquires the connection to Redis; released when the app closes. Says once when it is lost and once when it is back. */
export function cachePlugin({ app, options, log: root }: Surroundings): CacheResource {
  const log = root.child({ component: 'cache' })
  let durable = false
  let lost = false
  let wasThere = false
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
      wasThere = true
      void inspect()
    },
  })
  const { promise: unfit, reject } = Promise.withResolvers<never>()
  unfit.catch(() => undefined) // whoever runs the app listens
  let again: NodeJS.Timeout | undefined
  const inspect = async () => {
    clearTimeout(again)
    try {
      durable = (await inspectCache(client)).durable
      if (!durable) log.warn('Redis runs without AOF: while the broker is away, nothing is accepted')
    } catch (thrown) {
      if (thrown instanceof CacheUnfit) return reject(thrown)
      if (lost) return // it is inspected when it is back
      log.warn({ err: toError(thrown) }, 'the cache could not be inspected; it is tried again')
      again = setTimeout(inspect, inspectAgain_ms).unref()
    }
  }
  app.addHook('onClose', () => {
    clearTimeout(again)
    client.disconnect()
  })
  return { client, durable: () => durable, wasThere: () => wasThere, unfit }
}
