import { newId, type Version } from '@ordermill/model'
import { createBarriers } from './barriers.ts'
import { createRecordCache } from './cache.ts'
import { readThrough } from './read-through.ts'
import type { Filled, RecordCache } from './record-cache.ts'

type Parts = Parameters<typeof createRecordCache>[0]

/** The cache of a collection whose epoch has its barrier behind it, as if a worker had seen to that. */
export async function openCache(parts: Parts): Promise<RecordCache> {
  const cache = createRecordCache(parts)
  await createBarriers(parts).pass(await cache.checkEpoch())
  await offer(cache, newId(), undefined) // by which it hears of that
  return cache
}

/** Offers a cache what Postgres has, as who has just asked for it. */
export async function offer(
  cache: Pick<RecordCache, 'fill' | 'moment'>,
  id: string,
  stored: Version | undefined,
): Promise<Filled> {
  const { moment: _, ...filled } = await readThrough(cache, id, async () => stored)
  return filled
}
