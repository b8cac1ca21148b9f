import type { CacheClient } from './client.ts'
import { away } from './failure.ts'
import { bucketOf, buckets, keysOf } from './keys.ts'
import type { DirtyMark } from './record-cache.ts'

/** Of a dirty version: whether the broker has it, or it was set aside. */
export type Mark = 'unsent' | 'sent' | 'parked'

/** A dirty version, its mark, and when it was accepted, in milliseconds by the clock of Redis. */
export interface Marked extends DirtyMark {
  mark: Mark
  since_ms: number
}

/** What is dirty, as it is looked at. Every method throws Unavailable when Redis does not answer. */
export interface Dirty {
  /** Up to `limit` versions with these marks, the oldest first: those after `after`, of the page before. */
  page(marks: Mark[], limit: number, after?: Marked): Promise<Marked[]>
  /** The dirty versions of one record, oldest first: all up to the hundredth, and of `newest` and those before it while there are any. */
  ofRecord(id: string, newest: number): Promise<Marked[]>
  /** How long the cached texts of these records are together, in bytes. */
  bytes(ids: string[]): Promise<number>
  /** The clock of Redis, in milliseconds. */
  now_ms(): Promise<number>
}

/** How many versions of a record are asked for at a time. */
const window = 100
const marksAll = ['unsent', 'sent', 'parked'] as const

interface Parts {
  client: Pick<CacheClient, 'zrangebyscore' | 'zmscore' | 'strlen' | 'time'>
  collection: string
  namespace: string
}

export function createDirty({ client, collection, namespace }: Parts): Dirty {
  const keys = keysOf(namespace, collection)

  /** Of one set, those after `after`. Those of one millisecond stand by their names: they may fill a page, and are passed. */
  const pageOf = async (bucket: number, mark: Mark, limit: number, after: Marked | undefined): Promise<Marked[]> => {
    const from = after === undefined ? '-inf' : String(after.since_ms)
    const found: Marked[] = []
    for (let offset = 0; found.length < limit; offset += limit) {
      const flat = await client.zrangebyscore(keys[mark](bucket), from, '+inf', 'WITHSCORES', 'LIMIT', offset, limit)
      for (let at = 0; at < flat.length; at += 2) {
        const marked = read(flat[at] ?? '', mark, Number(flat[at + 1]))
        if (after === undefined || order(after, marked) < 0) found.push(marked)
      }
      if (flat.length < 2 * limit) break
    }
    return found.slice(0, limit)
  }

  return {
    async page(marks, limit, after) {
      const sets = Array.from({ length: buckets }, (_, bucket) => marks.map((mark) => ({ bucket, mark }))).flat()
      const found = await away(Promise.all(sets.map(({ bucket, mark }) => pageOf(bucket, mark, limit, after))))
      return found.flat().sort(order).slice(0, limit)
    },
    async ofRecord(id, newest) {
      const bucket = bucketOf(id)
      const found: Marked[] = []
      const look = async (from: number, to: number) => {
        const members = Array.from({ length: to - from + 1 }, (_, at) => `${id}:${from + at}`)
        const scores = await away(Promise.all(marksAll.map((mark) => client.zmscore(keys[mark](bucket), ...members))))
        const some = marksAll.flatMap((mark, at) =>
          members.flatMap((member, nth) => {
            const score = scores[at]?.[nth]
            return score == null ? [] : [read(member, mark, Number(score))]
          }),
        )
        found.push(...some)
        return some.length > 0
      }
      for (let to = newest; to > window; to -= window)
        if (!(await look(Math.max(window + 1, to - window + 1), to))) break
      await look(1, window)
      return found.sort((a, b) => a.version - b.version)
    },
    async bytes(ids) {
      const lengths = await away(Promise.all(ids.map((id) => client.strlen(keys.record(id)))))
      return lengths.reduce((sum, length) => sum + length, 0)
    },
    async now_ms() {
      const [seconds = 0, micros = 0] = (await away(client.time())).map(Number)
      return seconds * 1_000 + Math.floor(micros / 1_000)
    },
  }
}

const memberOf = ({ id, version }: DirtyMark) => `${id}:${version}`

/** As Redis orders them: by time, then by the bytes of their names. */
const order = (a: Marked, b: Marked): number =>
  a.since_ms - b.since_ms || (memberOf(a) === memberOf(b) ? 0 : memberOf(a) < memberOf(b) ? -1 : 1)

function read(member: string, mark: Mark, since_ms: number): Marked {
  const at = member.lastIndexOf(':')
  return { id: member.slice(0, at), version: Number(member.slice(at + 1)), mark, since_ms }
}
