import type { estypes } from '@elastic/elasticsearch'
import { type EngineClient, engineAway } from './client.ts'

/** A document as the index holds it. */
export interface IndexedDocument {
  /** What it is written under: the id of its record. */
  id: string
  /** The number of the change that it is of, unless somebody else wrote it. */
  change_seq: number
  /** What it says; words made from it aside. */
  source: Record<string, unknown>
  /** What names this state of it. */
  state: { seq_no: number; primary_term: number }
}

/** The documents of one index, as they are looked at and taken away. Every method throws Unavailable (`search-away`). */
export interface Documents {
  /**
   * Up to `limit` documents in order of their member `id`, from above `after` (from the first one if absent) up to `upTo` (to the last
   * one). As far as they were refreshed. What is asked for is looked through every time: without an end that is all of the index.
   */
  after(after: string | undefined, limit: number, upTo?: string): Promise<KeyedDocument[]>
  /** Up to `limit` documents without a member `id`: nobody here writes such. */
  nameless(limit: number): Promise<IndexedDocument[]>
  /** As they are now, refreshed or not; those that are there. */
  read(ids: string[]): Promise<IndexedDocument[]>
  /** Takes these away, unless they have changed since; gives how many it took. */
  remove(documents: IndexedDocument[]): Promise<number>
  /** What was written so far can be found from now on. */
  refresh(): Promise<void>
}

/** A document and its member `id`, which somebody else may have made to say anything. */
export interface KeyedDocument extends IndexedDocument {
  key: string
}

/** @param index Its name, or an alias of it alone. */
export function createDocuments(client: EngineClient, index: string): Documents {
  const search = async (query: NonNullable<estypes.QueryDslQueryContainer>, limit: number) => {
    const answer = await client.search<Record<string, unknown>>({
      index,
      size: limit,
      query,
      sort: [{ id: 'asc' }],
      track_total_hits: false,
      allow_partial_search_results: false,
      version: true,
      seq_no_primary_term: true,
    })
    return answer.hits.hits
  }
  const away = <T>(asked: Promise<T>): Promise<T> =>
    asked.catch((thrown: unknown) => Promise.reject(engineAway(thrown)))
  return {
    after: (after, limit, upTo) => {
      const ends = { ...(after !== undefined && { gt: after }), ...(upTo !== undefined && { lte: upTo }) }
      const all = after === undefined && upTo === undefined
      const found = search(all ? { exists: { field: 'id' } } : { range: { id: ends } }, limit)
      return away(found.then((hits) => hits.map((hit) => ({ ...documentOf(hit), key: String(hit.sort?.[0]) }))))
    },
    nameless: (limit) =>
      away(search({ bool: { must_not: [{ exists: { field: 'id' } }] } }, limit).then((hits) => hits.map(documentOf))),
    read: (ids) =>
      away(
        (async () => {
          if (ids.length === 0) return []
          const { docs } = await client.mget<Record<string, unknown>>({ index, ids })
          return docs.flatMap((one) => {
            if ('error' in one) throw new Error(one.error.reason ?? 'the engine cannot read a document')
            return one.found ? [documentOf(one)] : []
          })
        })(),
      ),
    remove: (documents) =>
      away(
        (async () => {
          if (documents.length === 0) return 0
          const operations = documents.map(({ id, state }) => ({
            delete: { _id: id, if_seq_no: state.seq_no, if_primary_term: state.primary_term },
          }))
          const { items } = await client.bulk({ index, operations })
          return items.filter(({ delete: item }) => item?.status === 200).length
        })(),
      ),
    refresh: () => away(client.indices.refresh({ index }).then(() => undefined)),
  }
}

interface Hit {
  _id?: string | undefined
  _version?: number | undefined
  _source?: Record<string, unknown> | undefined
  _seq_no?: number | undefined
  _primary_term?: number | undefined
}
const documentOf = (hit: Hit): IndexedDocument => ({
  id: hit._id ?? '',
  change_seq: hit._version ?? 0,
  source: hit._source ?? {},
  state: { seq_no: hit._seq_no ?? 0, primary_term: hit._primary_term ?? 0 },
})
