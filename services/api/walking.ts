import { type Collection, fingerprint, foundMax, Invalid, type Query, type SortValue } from '@ordermill/model'
import type { Seal } from './seal.ts'
import type { Answered, Engine, Search } from './searching.ts'

/** One page, and how to ask for the next one; undefined: there is none. */
export interface Walked extends Answered {
  next_cursor: string | undefined
}

/**
 * Answers a page of a query, the first one or where a cursor says. @throws Invalid at `/cursor` if it is edited (`cursor`), of another
 * query (`cursor-query`), too old (`cursor-expired`), or of a ranking that is lost (`cursor-lost`)
 */
export type Walk = (
  asked: { query: Query; cursor: true | string | undefined },
  correlationId: string,
) => Promise<Walked>

interface WalkParts {
  collection: Collection
  search: Search
  seal: Seal
  /** Lets go of a snapshot after the last page. */
  letGo(snapshot: string): void
  /** Milliseconds since 1970. */
  now?: () => number
}

/** What a cursor says. */
interface Place {
  v: typeof form
  engine: Engine
  snapshot?: string | undefined
  /** Sort values of the last hit; or the place in the order, where no other says where to go on. */
  after?: SortValue[]
  from?: number
  query: string
  until_ms: number
}
/** Another one is another form: cursors of an older release are refused, not misread. */
const form = 1
const goodFor_ms = 3_600_000

const wrong = (code: string, detail: string) => new Invalid([{ pointer: '/cursor', code, detail }])

export function createWalk({ collection, search, seal, letGo, now = Date.now }: WalkParts): Walk {
  const read = (cursor: string, query: string): Place => {
    const place = seal.open(cursor) as Place | undefined
    if (place?.v !== form) throw wrong('cursor', 'must be a next_cursor as an answer gave it')
    if (place.query !== query)
      throw wrong('cursor-query', 'is of another query: send that one again, or start over without cursor')
    if (place.until_ms < now()) throw wrong('cursor-expired', 'is too old: start over without cursor')
    return place
  }
  return async ({ query: asked, cursor }, correlationId) => {
    const { where, sort } = asked
    const ranked = sort.length === 0
    const digest = fingerprint(collection.name, { where, sort })
    const place = typeof cursor === 'string' ? read(cursor, digest) : undefined
    const query = place === undefined ? asked : goOn(asked, place)
    const { size } = query
    // Relevance is only comparable within one snapshot; sort values are wherever they are compared.
    const steady = cursor === true || place?.snapshot !== undefined || (ranked && place !== undefined)
    const one = query.after !== undefined || query.from + size < foundMax ? 1 : 0
    const from = { engine: place?.engine, snapshot: place?.snapshot, steady }
    const answered = await search({ ...query, size: size + one }, correlationId, from)

    const { engine, snapshot, total } = answered
    const hits = answered.hits.slice(0, size)
    const last = hits.at(-1)
    const isMore = one === 1 ? answered.hits.length > size : total.relation === 'gte'
    // A first page that was read from no snapshot: what its scores were compared with is gone by then.
    const byPlace = ranked && engine === 'elasticsearch' && snapshot === undefined
    if (!isMore || last === undefined || (byPlace && query.from + size >= foundMax)) {
      if (snapshot !== undefined) letGo(snapshot)
      return { ...answered, hits, next_cursor: undefined }
    }
    const next: Place = {
      v: form,
      engine,
      ...(snapshot && { snapshot }),
      ...(byPlace ? { from: query.from + size } : { after: last.sort }),
      query: digest,
      until_ms: now() + goodFor_ms,
    }
    return { ...answered, hits, next_cursor: seal.close(next) }
  }
}

function goOn(query: Query, { after, from = 0 }: Place): Query {
  return after === undefined ? { ...query, from, size: Math.min(query.size, foundMax - from) } : { ...query, after }
}
