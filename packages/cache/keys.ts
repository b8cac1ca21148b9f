/** How many buckets the ids of a collection are spread over. Never change it: keys would no longer be found. */
export const buckets = 64

/** The bucket of an id: its last six bits, which are random in every UUID that we make. */
export const bucketOf = (id: string): number => Number.parseInt(id.slice(-2), 16) % buckets

/** Keys of one collection. All keys of a bucket carry its tag, so that a script stays on one slot of a Redis Cluster. */
export interface Keys {
  /** Before the id (and before `:version`, for a version that was replaced before the broker had it, or `:asked`). */
  prefix(bucket: number): string
  record(id: string): string
  /** Dirty versions that the broker has not confirmed, by time of acceptance. */
  unsent(bucket: number): string
  /** Dirty versions that the broker has. */
  sent(bucket: number): string
  /** Dirty versions that were set aside. */
  parked(bucket: number): string
  /** The token of those who ask Postgres for a record. */
  asked(id: string): string
  counters(bucket: number): string
  /** The epoch, and under which Redis process it was opened. */
  epoch(bucket: number): string
  /** The last barrier that came through the queue. */
  barrier: string
}

export function keysOf(namespace: string, collection: string): Keys {
  const base = (bucket: number) => `{${bucket}}:${namespace}${collection}:`
  return {
    prefix: base,
    record: (id) => base(bucketOf(id)) + id,
    unsent: (bucket) => `${base(bucket)}unsent`,
    sent: (bucket) => `${base(bucket)}sent`,
    parked: (bucket) => `${base(bucket)}parked`,
    asked: (id) => `${base(bucketOf(id))}${id}:asked`,
    counters: (bucket) => `${base(bucket)}counters`,
    epoch: (bucket) => `${base(bucket)}epoch`,
    barrier: `${base(0)}barrier`,
  }
}
