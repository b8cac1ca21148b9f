import { randomBytes } from 'node:crypto'
import { gathered, Unavailable, type Version } from '@ordermill/model'
import type { CacheClient } from './client.ts'
import { decodeEntry, type Entry, encodeEntry } from './entry.ts'
import { createEpochs, openedAt } from './epochs.ts'
import { away, open } from './failure.ts'
import { bucketOf, buckets, keysOf } from './keys.ts'
import type { Accepted, Cached, DirtyMark, Filled, Identified, Moment, RecordCache } from './record-cache.ts'

/** Seconds a clean record stays cached, and seconds that who asks Postgres for one may take to offer it. */
const ttl_s = 24 * 60 * 60
const askedMax_s = 10
/** Longest that a replica may take to have a version, in milliseconds. */
const copy_ms = 500
/** How often a call is made again because the epoch changed under it. */
const triesMax = 3

/** What is asked of the script that accepts. */
interface Acceptance {
  id: string
  version: number
  /** The version it is built on; 0: none. */
  base: number
  /** The hash of that one, or the token under which there was none. */
  proof: string
  entry: string
  epoch: string
}

/** What is asked of the script that offers. */
interface Offer {
  id: string
  stored: Version | undefined
  epoch: string
  moment: Moment
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

  /** What may go into one command: in a cluster, what is in one bucket; else all, as many as one command may take. */
  const together = <T extends { id: string }>(all: T[]): T[][] =>
    (client.isCluster ? byBucket(all).map(([, some]) => some) : [all]).flatMap(inParts)

  /** Runs a script over versions bucket by bucket, and adds up what it gives. */
  const everyBucketOf = async <T extends { id: string }>(
    script: 'settle' | 'park' | 'sent',
    all: T[],
    keysOfBucket: (bucket: number) => readonly string[],
    argsOf: (one: T) => (string | number)[],
    first: number[] = [],
  ): Promise<number> => {
    const sorted = byBucket(all).flatMap(([, some]) => some) // the fewer buckets in one call, the less it has to do
    const calls = together(sorted).map((some) => {
      const groups = byBucket(some)
      const named = groups.flatMap(([bucket]) => keysOfBucket(bucket))
      const args = groups.flatMap(([bucket, its]) => [keys.prefix(bucket), its.length, ...its.flatMap(argsOf)])
      return client[script](named.length, ...named, ...first, ...args)
    })
    return (await away(Promise.all(calls))).reduce((sum, count) => sum + count, 0)
  }
  const identified = ({ id, version, hash }: Identified) => [id, version, hash]

  const acceptOne = gathered(async (all: Acceptance[]) => {
    const named = all.flatMap(({ id }) => {
      const bucket = bucketOf(id)
      return [keys.record(id), keys.unsent(bucket), keys.sent(bucket), keys.counters(bucket), keys.epoch(bucket)]
    })
    const args = all.flatMap(({ id, version, base, proof, entry, epoch }) => [id, version, base, proof, entry, epoch])
    const answers = await open(client.accept(named.length, ...named, bucketLimit, ...args))
    return all.map((_, at) => [String(answers[2 * at]), Number(answers[2 * at + 1])] as const)
  }, together)
  const tokenPrefix = `${randomBytes(9).toString('base64url')}:`
  let asks = 0
  const fillOne = gathered(async (all: Offer[]) => {
    const named = all.flatMap(({ id }) => {
      const bucket = bucketOf(id)
      return [keys.record(id), keys.asked(id), keys.unsent(bucket), keys.epoch(bucket)]
    })
    const args = all.flatMap(({ id, stored, epoch, moment }) => [
      id,
      stored?.version ?? 0,
      stored?.hash ?? '',
      stored === undefined ? '' : encodeEntry(stored, epoch),
      epoch,
      moment.caughtUp ? '1' : '0',
      moment.token,
    ])
    const answers = await away(client.fill(named.length, ...named, ttl_s, ...args))
    return all.map((_, at) => [answers[3 * at], String(answers[3 * at + 1]), answers[3 * at + 2]] as const)
  }, together)
  const tokenOf = gathered((all: { id: string }[]) => {
    const tokens = all.map(() => `${tokenPrefix}${(asks++).toString(36)}`)
    return away(client.ask(all.length, ...all.map(({ id }) => keys.asked(id)), askedMax_s, ...tokens))
  }, together)
  const textOf = gathered((all: { id: string }[]) => away(client.mget(all.map(({ id }) => keys.record(id)))), together)

  const epochs = createEpochs(client, keys)
  /** Makes a call in an epoch; `undefined` says that another one is in force. */
  const within = async <T>(epoch: string, call: (epoch: string) => Promise<T | undefined>): Promise<T | undefined> => {
    const result = await call(epoch)
    if (result === undefined) epochs.mistaken(epoch)
    return result
  }
  /** Makes a call in the epoch that is in force. */
  const inEpoch = async <T>(call: (epoch: string) => Promise<T | undefined>): Promise<T> => {
    for (let tries = 0; tries < triesMax; tries += 1) {
      const result = await within(epochs.known() ?? (await epochs.current()), call)
      if (result !== undefined) return result
    }
    throw new Unavailable('catching-up', 'The cache has just begun a new epoch.')
  }
  const cachedOf = (id: string, value: string, epoch: string): Cached => {
    const entry = decodeEntry(id, value)
    return Object.assign(entry, { current: entry.epoch === epoch }) // no copy: this is the way of every read
  }
  const now_ms = async () => {
    const [seconds = 0, micros = 0] = (await client.time()).map(Number)
    return seconds * 1_000 + Math.floor(micros / 1_000)
  }

  return {
    async accept(version, base) {
      const { id } = version
      const isMoment = base === undefined || 'token' in base
      const call = async (epoch: string): Promise<Accepted | undefined> => {
        const proof = isMoment ? (base?.token ?? '') : base.hash
        const [outcome, unsentBefore] = await acceptOne({
          id,
          version: version.version,
          base: isMoment ? 0 : base.version,
          proof,
          entry: encodeEntry(version, epoch),
          epoch,
        })
        if (outcome === 'epoch') return undefined
        if (outcome === 'exists' || outcome === 'absent' || outcome === 'limit') return { outcome }
        return { outcome: 'accepted', epoch, unsentBefore }
      }
      if (base?.epoch === undefined) return await inEpoch(call)
      return (await within(base.epoch, call)) ?? { outcome: 'exists' }
    },

    copied: (id, epoch) => away(client.copied(keys.epoch(bucketOf(id)), epoch, copy_ms)),

    async unsentUpTo({ id, version, epoch }) {
      const bucket = bucketOf(id)
      const count = await away(client.unsentUpTo(keys.unsent(bucket), keys.epoch(bucket), id, version, epoch))
      return await within(epoch, async () => (count < 0 ? undefined : count))
    },

    async markSent(marks) {
      await everyBucketOf(
        'sent',
        marks,
        (bucket) => [keys.unsent(bucket), keys.sent(bucket)],
        (mark) => [memberOf(mark)],
      )
    },

    settle: (versions) => everyBucketOf('settle', versions, marksOf, identified, [ttl_s]),
    park: (versions) => everyBucketOf('park', versions, marksOf, identified),

    async discard(version) {
      const { id, hash } = version
      const marks = marksOf(bucketOf(id))
      await away(client.discard(keys.record(id), ...marks, memberOf(version), version.version, hash))
    },

    async read(id) {
      const value = await textOf({ id })
      const epoch = epochs.known() ?? (await epochs.current()) // after a miss Postgres is asked: in which epoch is to be known
      return value === null ? undefined : cachedOf(id, value, epoch)
    },

    async readMany(ids) {
      const values = await Promise.all(ids.map((id) => textOf({ id })))
      const epoch = epochs.known() ?? (await epochs.current())
      return values.map((value, at) => (value === null ? undefined : cachedOf(ids[at] ?? '', value, epoch)))
    },

    async fill(id, stored, moment) {
      const call = async (epoch: string): Promise<Filled | undefined> => {
        const [outcome, standing, caughtUp] = await fillOne({ id, stored, epoch, moment })
        if (outcome === 'epoch') return undefined
        if (caughtUp === 1) epochs.caughtUp(epoch)
        const cached = standing === '' ? undefined : decodeEntry(id, standing)
        if (outcome === 'standing') return { version: cached, behind: false }
        if (outcome === 'offered') return { version: stored, behind: false }
        return { version: newer(cached, stored), behind: true, ...(caughtUp === 1 && { again: true }) }
      }
      return (await within(moment.epoch, call)) ?? { version: stored, behind: true }
    },

    async moment(id) {
      const epoch = epochs.known() ?? (await epochs.current())
      const token = await tokenOf({ id })
      return { epoch, caughtUp: epochs.isCaughtUp(epoch), token }
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
      const turns = Math.max(...members.map((some) => some.length))
      const inTurn = Array.from({ length: turns }, (_, turn) => members.flatMap((some) => some[turn] ?? []))
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

    async period() {
      const epoch = await epochs.look() // what was wiped since must not be counted as accepted
      const counts = await everyBucket((bucket) => client.hget(keys.counters(bucket), epoch))
      const accepted = counts.reduce((sum, count) => sum + Number(count ?? 0), 0)
      return { epoch, since: new Date(openedAt(epoch)).toISOString(), accepted }
    },

    checkEpoch: () => epochs.look(),
    bypassed: () => epochs.leave(),
  }
}

/** The newer of two versions; of two forks that of Postgres, where there is one. */
const newer = (cached: Entry | undefined, stored: Version | undefined): Version | undefined =>
  cached !== undefined && cached.version > (stored?.version ?? 0) ? cached : stored

/** So many at a time go into one script: Redis does nothing else meanwhile. */
const partMax = 200
const inParts = <T>(all: T[]): T[][] =>
  Array.from({ length: Math.ceil(all.length / partMax) }, (_, at) => all.slice(at * partMax, (at + 1) * partMax))

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
