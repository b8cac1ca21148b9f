/**
 * The write-back cache on Redis.
 * Guarantees: accepting is one atomic step that is never undone; a dirty record is never evicted by us and keeps no TTL;
 * an older version never replaces a newer one; whatever is not known to be in the broker can be read back.
 */
export { type Barriers, createBarriers, onTheWayMax_ms } from './barriers.ts'
export { createBulkLog } from './bulk-log.ts'
export { createRecordCache } from './cache.ts'
export { type CacheClient, connectCache } from './client.ts'
export { type CleanCopies, type CleanCopy, createCleanCopies } from './copies.ts'
export { createDirty, type Dirty, type Mark, type Marked } from './dirty.ts'
export { decodeEntry, type Entry } from './entry.ts'
export { CacheUnfit, inspectCache } from './inspect.ts'
export { readThrough } from './read-through.ts'
export type { Accepted, Cached, DirtyMark, Filled, Moment, RecordCache } from './record-cache.ts'
export { createSharedBuckets, type SharedBuckets } from './shared-buckets.ts'
