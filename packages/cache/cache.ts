import { toError, Unavailable, type Version } from '@ordermill/model'
import type { CacheClient } from './client.ts'
import { decodeEntry, type Entry, encodeEntry } from './entry.ts'
import { bucketOf, buckets, keysOf } from './keys.ts'

/** Seconds a clean record stays cached, and seconds a floor stands. */
const ttl_s = 24 * 60 * 60
const floor_s = 60

/** What became of a version that was to be accepted. */
export type Accepted =
  | {
      outcome: 'accepted' /** The version before it has not reached the broker yet: send that one first. */
      behindUnsent: boolean
    }
  /** Another version stands; `base` was not it. */
  | { outcome: 'exists' }
  /** The base is not cached. */
  | { outcome: 'absent' }
  /** As many records are dirty as may be. Nothing was written. */
  | { outcome: 'limit' }

/** A dirty version: accepted, not yet known to be in Postgres. */
export interface DirtyMark {
  id: string
  version: number
}

/** A version by what tells it from every other, forks included. */
export interface Identified extends DirtyMark {
  hash: string
}

/** The cache of one collection. Every method throws Unavailable (`cache-away`) when Redis does not answer. */
export interface RecordCache {
  /**
   * Accepts `version`, built on `base` (nothing for the first). One atomic step, never undone.
   * @throws Unavailable `outcome-open` when Redis may have done it without our hearing of it.
   */
  accept(version: Version, base?: { version: number; hash: string }): Promise<Accepted>
  /** The broker has these. */
  markSent(marks: DirtyMark[]): Promise<void>
  /** Postgres has these; gives how many were dirty. */
  settle(versions: Identified[]): Promise<number>
  /**
   * These were set aside: their marks become `parked`, which no limit counts and no flusher touches, until they are settled or
   * discarded. Gives how many marks there were.
   */
  park(versions: Identified[]): Promise<number>
  /** This one is given up: its mark goes, and its cached copy, so that what Postgres has is read again. */
  discard(version: Identified): Promise<void>
  read(id: string): Promise<Entry | undefined>
  /** Several at once, in the order asked for: one command a bucket, all sent together. */
  readMany(ids: string[]): Promise<(Entry | undefined)[]>
  /** Offers what Postgres gave after a miss; gives what is to be served: the newer of both. */
  fill(entry: Version): Promise<Entry>
  /** How many are dirty: those the broker does not have, those it has, and how old the oldest of these is; parked ones apart. */
  dirty(): Promise<{ unsent: number; sent: number; parked: number; oldest_ms: number }>
  /** Up to `limit` marks older than `age_ms`, per mark and bucket oldest first. */
  marksOlderThan(mark: 'unsent' | 'sent', age_ms: number, limit: number): Promise<DirtyMark[]>
  /** The version of a mark, as long as it is dirty. */
  readVersion(mark: DirtyMark): Promise<Entry | undefined>
  /** How many versions were ever accepted here. */
  accepted(): Promise<number>
}

interface Parts {
  client: CacheClient
  collection: string
  namespace: string
  dirtyLimit: number
}

/** The cache of one collection on a connected client. */
export function createRecordCache({ client, collection, namespace, dirtyLimit }: Parts): RecordCache {
  const keys = keysOf(namespace, collection)
  const bucketLimit = Math.ceil(dirtyLimit / buckets)
  const memberOf = ({ id, version }: DirtyMark) => `${id}:${version}`
  const marksOf = (bucket: number) => [keys.unsent(bucket), keys.sent(bucket), keys.parked(bucket)] as const
  const everyBucket = <T>(ask: (bucket: number) => Promise<T>): Promise<T[]> =>
    away(Promise.all(Array.from({ length: buckets }, (_, bucket) => ask(bucket))))

  const now_ms = async () => {
    const [seconds = 0, micros = 0] = (await client.time()).map(Number)
    return seconds * 1_000 + Math.floor(micros / 1_000)
  }

  return {
    async accept(version, base) {
      const bucket = bucketOf(version.id)
      const [outcome] = await open(
        client.accept(
          keys.record(version.id),
          keys.unsent(bucket),
          keys.sent(bucket),
          keys.counters(bucket),
          memberOf(version),
          base?.version ?? 0,
          base?.hash ?? '',
          bucketLimit,
          encodeEntry(version),
          base === undefined ? '' : memberOf({ id: version.id, version: base.version }),
        ),
      )
      if (outcome === 'exists' || outcome === 'absent' || outcome === 'limit') return { outcome }
      return { outcome: 'accepted', behindUnsent: outcome === 'accepted-behind-unsent' }
    },

    async markSent(marks) {
      const calls = byBucket(marks).map(([bucket, some]) =>
        client.sent(keys.unsent(bucket), keys.sent(bucket), keys.prefix(bucket), ...some.map(memberOf)),
      )
      await away(Promise.all(calls))
    },

    async settle(versions) {
      const calls = byBucket(versions).map(([bucket, some]) => {
        const args = some.flatMap(({ id, version, hash }) => [id, version, hash])
        return client.settle(...marksOf(bucket), keys.prefix(bucket), ttl_s, floor_s, ...args)
      })
      return (await away(Promise.all(calls))).reduce((sum, removed) => sum + removed, 0)
    },

    async park(versions) {
      const calls = byBucket(versions).map(([bucket, some]) => {
        const args = some.flatMap(({ id, version, hash }) => [id, version, hash])
        return client.park(...marksOf(bucket), keys.prefix(bucket), ...args)
      })
      return (await away(Promise.all(calls))).reduce((sum, turned) => sum + turned, 0)
    },

    async discard(version) {
      const { id, hash } = version
      const marks = marksOf(bucketOf(id))
      await away(client.discard(keys.record(id), ...marks, memberOf(version), version.version, hash))
    },

    async read(id) {
      const value = await away(client.get(keys.record(id)))
      return value === null ? undefined : decodeEntry(id, value)
    },

    async readMany(ids) {
      const found = new Map<string, Entry>()
      const calls = byBucket(ids.map((id) => ({ id }))).map(async ([, some]) => {
        const values = await client.mget(some.map(({ id }) => keys.record(id)))
        for (const [at, value] of values.entries()) {
          const id = some[at]?.id ?? ''
          if (value !== null) found.set(id, decodeEntry(id, value))
        }
      })
      await away(Promise.all(calls))
      return ids.map((id) => found.get(id))
    },

    async fill(entry) {
      const standing = await away(
        client.fill(keys.record(entry.id), keys.floor(entry.id), entry.version, ttl_s, encodeEntry(entry)),
      )
      return standing === '' ? entry : decodeEntry(entry.id, standing)
    },

    async dirty() {
      const now = await away(now_ms())
      const each = await everyBucket(async (bucket) => {
        const [unsent, sent, parked, first, second] = await Promise.all([
          client.zcard(keys.unsent(bucket)),
          client.zcard(keys.sent(bucket)),
          client.zcard(keys.parked(bucket)),
          client.zrange(keys.unsent(bucket), 0, 0, 'WITHSCORES'),
          client.zrange(keys.sent(bucket), 0, 0, 'WITHSCORES'),
        ])
        return { unsent, sent, parked, oldest: Math.min(Number(first[1] ?? now), Number(second[1] ?? now)) }
      })
      return {
        unsent: each.reduce((sum, { unsent }) => sum + unsent, 0),
        sent: each.reduce((sum, { sent }) => sum + sent, 0),
        parked: each.reduce((sum, { parked }) => sum + parked, 0),
        oldest_ms: Math.max(0, now - Math.min(now, ...each.map(({ oldest }) => oldest))),
      }
    },

    async marksOlderThan(mark, age_ms, limit) {
      const before = (await away(now_ms())) - age_ms
      const share = Math.ceil(limit / buckets)
      const members = await everyBucket((bucket) =>
        client.zrangebyscore(keys[mark](bucket), '-inf', before, 'LIMIT', 0, share),
      )
      // The oldest of every bucket first: none waits for another to be empty.
      const inTurn = Array.from({ length: share }, (_, turn) => members.flatMap((some) => some[turn] ?? []))
      return inTurn
        .flat()
        .slice(0, limit)
        .map((member) => {
          const at = member.lastIndexOf(':')
          return { id: member.slice(0, at), version: Number(member.slice(at + 1)) }
        })
    },

    async readVersion(mark) {
      const [current, replaced] = await away(
        client.mget([keys.record(mark.id), `${keys.record(mark.id)}:${mark.version}`]),
      )
      const value = replaced ?? current
      const entry = value == null ? undefined : decodeEntry(mark.id, value)
      return entry?.version === mark.version ? entry : undefined
    },

    async accepted() {
      const counts = await everyBucket((bucket) => client.hget(keys.counters(bucket), 'accepted'))
      return counts.reduce((sum, count) => sum + Number(count ?? 0), 0)
    },
  }
}

function byBucket<T extends { id: string }>(all: T[]): [number, T[]][] {
  const groups = new Map<number, T[]>()
  for (const one of all) {
    const bucket = bucketOf(one.id)
    const group = groups.get(bucket)
    if (group === undefined) groups.set(bucket, [one])
    else group.push(one)
  }
  return [...groups]
}

/** Turns what the client throws into what a caller can act on. */
async function away<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer
  } catch (thrown) {
    const cause = toError(thrown)
    if (cause.message.startsWith('OOM'))
      throw new Unavailable('cache-full', 'The cache is full.', { cause, retryAfterSeconds: 5 })
    throw new Unavailable('cache-away', 'The cache does not answer.', { cause })
  }
}

/** As `away`, for a step that may have been done though no answer came: only an error of Redis itself says that it was not. */
async function open<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer
  } catch (thrown) {
    const cause = toError(thrown)
    if (cause.name === 'ReplyError') return await away(Promise.reject(cause))
    if (/isn't writeable|offline queue/i.test(cause.message)) return await away(Promise.reject(cause))
    throw new Unavailable('outcome-open', 'The cache did not answer in time; the record may still turn up.', { cause })
  }
}
