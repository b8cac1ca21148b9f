import { type Collection, type Found, foundMax, type Query, queryFields, type SortValue } from '@ordermill/model'
import { type EngineClient, engineAway } from './client.ts'
import { compile, compileOrder } from './compile.ts'

/** Asks the engine. Every method throws Unavailable (`search-away`) when it does not answer, or cannot answer this. */
export interface Searcher {
  query(query: Query, correlationId?: string): Promise<Found>
  /** How the engine says it is. */
  health(): Promise<string>
}

/** Searches a collection under its alias. */
export function createSearcher(client: EngineClient, c: Collection, alias: string): Searcher {
  const fields = queryFields(c)
  return {
    async query(query, correlationId) {
      try {
        const answer = await client.search(
          {
            index: alias,
            size: query.size,
            track_total_hits: foundMax,
            allow_partial_search_results: false,
            _source: false,
            query: { bool: { must: [compile(query.where)], must_not: [{ exists: { field: 'deleted_at' } }] } },
            ...compileOrder(query, fields),
          },
          correlationId === undefined ? {} : { opaqueId: correlationId },
        )
        const { total } = answer.hits
        const { value, relation } = typeof total === 'object' ? total : { value: total ?? 0, relation: 'eq' as const }
        return {
          hits: answer.hits.hits.map((hit) => ({
            id: hit._id ?? '',
            score: hit._score ?? null,
            sort: (hit.sort ?? []) as SortValue[],
          })),
          total: { value: Math.min(value, foundMax), relation },
        }
      } catch (thrown) {
        throw engineAway(thrown)
      }
    },
    async health() {
      try {
        return (await client.cluster.health()).status
      } catch (thrown) {
        throw engineAway(thrown)
      }
    },
  }
}
