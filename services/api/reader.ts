import { type RecordCache, readThrough } from '@ordermill/cache'
import type { RecordReader } from '@ordermill/database'
import { type Collection, NotFound, Unavailable, type Version } from '@ordermill/model'

/**
 * A record as it is served, and where it came from: BYPASS means that the cache is away, or has forgotten something that is still on
 * its way to Postgres: the answer may be stale.
 */
export interface Read {
  version: Version
  source: 'HIT' | 'MISS' | 'BYPASS'
}

/** Reads one collection: the cache, else Postgres. */
export interface Reader {
  /** @param sentId the correlation id that the caller sent. @throws NotFound (also for a tombstone) | Unavailable */
  read(id: string, sentId: string | undefined): Promise<Read>
  /** Those that exist, in the order asked for; what Postgres has of them is cached, unless it is a lot. @param sentId as above */
  readMany(ids: string[], sentId: string | undefined): Promise<Version[]>
}

/** Where the cache lacks more of a page, none of it is kept: people look at a page, and again; a larger one is read by a program, once. */
const keptMax = 100

interface ReaderParts {
  collection: Collection
  cache: RecordCache
  stored: RecordReader
  onRead(source: Read['source']): void
}

export function createReader({ collection, cache, stored, onRead }: ReaderParts): Reader {
  /** The cache, which may go away or have no room meanwhile: what Postgres has is served all the same. */
  const lenient: Pick<RecordCache, 'fill' | 'moment'> = {
    moment: (id) => cache.moment(id).catch(instead({ epoch: '', caughtUp: false, token: '' })),
    fill: (id, row, moment) => cache.fill(id, row, moment).catch(instead({ version: row, behind: true })),
  }
  /** What is to be served where the cache is away. */
  const bypass = async (id: string, sentId: string | undefined, thrown: unknown): Promise<Read> => {
    if (!(thrown instanceof Unavailable)) throw thrown
    const version = await stored.read(id, sentId)
    if (version === undefined) throw thrown // it may still be on its way
    return { version, source: 'BYPASS' }
  }
  /** What is to be served where the cache has nothing that is current. */
  const miss = async (id: string, sentId: string | undefined): Promise<Read | undefined> => {
    const { version, behind } = await readThrough(lenient, id, () => stored.read(id, sentId))
    if (version !== undefined) return { version, source: behind ? 'BYPASS' : 'MISS' }
    if (behind) throw catchingUp()
    return undefined
  }
  /** The same for several: what is to be served of those that Postgres has, or the cache by now. */
  const readManyThrough = async (ids: string[], sentId: string | undefined): Promise<(Version | undefined)[]> => {
    const moments = await Promise.all(ids.map((id) => lenient.moment(id)))
    const rows = await stored.readMany(ids, sentId)
    const filled = moments.map(async (moment, at) => {
      const row = rows[at]
      return row && ((await lenient.fill(row.id, row, moment)).version ?? row)
    })
    return await Promise.all(filled)
  }
  return {
    async read(id, sentId) {
      let found: Read | undefined
      try {
        const cached = await cache.read(id)
        found = cached?.current ? { version: cached, source: 'HIT' } : undefined
      } catch (thrown) {
        found = await bypass(id, sentId, thrown)
      }
      found ??= await miss(id, sentId)
      if (found === undefined || found.version.deleted) throw new NotFound(`The ${collection.title} ${id}`)
      onRead(found.source)
      return found
    },
    async readMany(ids, sentId) {
      const cached = await cache.readMany(ids).catch((): undefined => undefined)
      const missing = ids.filter((_, at) => cached?.[at]?.current !== true)
      const isKept = cached !== undefined && missing.length <= keptMax
      const rows = missing.length === 0 ? [] : await (isKept ? readManyThrough : stored.readMany)(missing, sentId)
      const byId = new Map<string, Version>()
      for (const one of [...(cached ?? []), ...rows])
        if (one !== undefined && one.version >= (byId.get(one.id)?.version ?? 0)) byId.set(one.id, one)
      return ids.map((id) => byId.get(id)).filter((one) => one !== undefined && !one.deleted) as Version[]
    },
  }
}

const instead =
  <T>(value: T) =>
  (thrown: unknown): T => {
    if (!(thrown instanceof Unavailable)) throw thrown
    return value
  }

/** After the cache forgot something, what neither it nor Postgres has may still be in the queue. */
export const catchingUp = () =>
  new Unavailable('catching-up', 'What was accepted last is still on its way to the database.', {
    retryAfterSeconds: 1,
  })
