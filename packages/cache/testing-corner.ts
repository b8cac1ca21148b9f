import { environment } from '@ordermill/config'
import { corner, until } from '@ordermill/servers/testing'
import { Redis } from 'ioredis'
import type { Test } from 'tap'
import { type CacheClient, connectCache } from './client.ts'

/** A corner of a Redis that answers, a client of the cache on it, and a plain one to look at what the cache left there. */
export async function cacheCorner(t: Test): Promise<{ client: CacheClient; redis: Redis; namespace: string }> {
  const { env, namespace } = await corner(t, environment())
  const url = `redis://${env['REDIS_ADDR']}`
  const client = connectCache({ urls: [url], timeout_ms: 5_000, onError: () => undefined, onReady: () => undefined })
  t.teardown(() => client.disconnect())
  const redis = new Redis(url)
  t.teardown(() => redis.disconnect())
  await until('Redis answers', () => client.ping().catch(() => undefined))
  return { client, redis, namespace }
}
