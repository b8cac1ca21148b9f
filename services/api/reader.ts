import type { RecordCache } from '@ordermill/cache'
import type { RecordReader } from '@ordermill/database'
import { type Collection, NotFound, Unavailable, type Version } from '@ordermill/model'

/** A record as it is served, and where it came from: BYPASS means that the cache is away and the answer may be stale. */
export interface Read {
  version: Version
  source: 'HIT' | 'MISS' | 'BYPASS'
}

/** Reads one collection: the cache, else Postgres. */
export interface Reader {
  /** @throws NotFound (also for a tombstone) | Unavailable */
  read(id: string, correlationId: string): Promise<Read>
  /** Those that exist, in the order asked for. */
  readMany(ids: string[], correlationId: string): Promise<Version[]>
}

interface ReaderParts {
  collection: Collection
  cache: RecordCache
  stored: RecordReader
  onRead(source: Read['source']): void
}

export function createReader({ collection, cache, stored, onRead }: ReaderParts): Reader {
  const find = async (id: string, correlationId: string): Promise<Read | undefined> => {
    let cached: Version | undefined
    try {
      cached = await cache.read(id)
    } catch (thrown) {
      if (!(thrown instanceof Unavailable)) throw thrown
      const version = await stored.read(id, correlationId)
      return version === undefined ? undefined : { version, source: 'BYPASS' }
    }
    if (cached !== undefined) return { version: cached, source: 'HIT' }
    const version = await stored.read(id, correlationId)
    return version === undefined
      ? undefined
      : { version: await cache.fill(version).catch(() => version), source: 'MISS' }
  }
  return {
    async read(id, correlationId) {
      const found = await find(id, correlationId)
      if (found === undefined || found.version.deleted) throw new NotFound(`The ${collection.title} ${id}`)
      onRead(found.source)
      return found
    },
    async readMany(ids, correlationId) {
      const cached = await cache.readMany(ids).catch((): (Version | undefined)[] => ids.map(() => undefined))
      const missing = ids.filter((_, at) => cached[at] === undefined)
      const rows = missing.length === 0 ? [] : await stored.readMany(missing, correlationId)
      const byId = new Map([...cached, ...rows].filter((one) => one !== undefined).map((one) => [one.id, one]))
      return ids.map((id) => byId.get(id)).filter((one) => one !== undefined && !one.deleted) as Version[]
    },
  }
}
