import { createBarriers } from './barriers.ts'
import { createRecordCache } from './cache.ts'
import type { RecordCache } from './record-cache.ts'

type Parts = Parameters<typeof createRecordCache>[0]

/** The cache of a collection whose epoch has its barrier behind it, as if a worker had seen to that. */
export async function openCache(parts: Parts): Promise<RecordCache> {
  const cache = createRecordCache(parts)
  await createBarriers(parts).pass(await cache.checkEpoch())
  return cache
}
