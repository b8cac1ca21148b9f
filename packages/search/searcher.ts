import { errors } from '@elastic/elasticsearch'
import type { Collection } from '@ordermill/model'
import { type EngineClient, engineAway } from './client.ts'

/** One page of hits, in the engine's order. */
export interface Found {
  hits: { id: string; score: number }[]
  total: number
}

/** Asks the engine. Every method throws Unavailable (`search-away`) when it does not answer. */
export interface Searcher {
  /** Records whose searchable texts hold the words of `q`: as prefixes, or misspelt. */
  search(q: string, page: { from: number; size: number; correlationId?: string }): Promise<Found>
  /** Milliseconds that the engine takes to say how it is, and its status. */
  health(): Promise<string>
}

/** Totals are exact up to this. */
const totalMax = 10_000

/** Searches a collection under its alias. */
export function createSearcher(client: EngineClient, c: Collection, alias: string): Searcher {
  const texts = c.fieldNames.filter((name) => (c.fields[name]?.search.length ?? 0) > 0)
  return {
    async search(q, { from, size, correlationId }) {
      const should = texts.flatMap((name) => [
        { match: { [`${name}.prefix`]: { query: q, operator: 'and' as const, boost: 2 } } },
        { match: { [name]: { query: q, operator: 'and' as const, fuzziness: 'AUTO', prefix_length: 1 } } },
      ])
      try {
        const answer = await client.search(
          {
            index: alias,
            from,
            size,
            track_total_hits: totalMax,
            _source: false,
            query: { bool: { should, minimum_should_match: 1, must_not: { exists: { field: 'deleted_at' } } } },
            sort: [{ _score: { order: 'desc' as const } }, { id: 'asc' as const }],
            track_scores: true,
          },
          correlationId === undefined ? {} : { opaqueId: correlationId },
        )
        const { total } = answer.hits
        return {
          hits: answer.hits.hits.map((hit) => ({ id: hit._id ?? '', score: hit._score ?? 0 })),
          total: typeof total === 'number' ? total : (total?.value ?? 0),
        }
      } catch (thrown) {
        // No index yet: the worker has not made it, and nothing can be found.
        throw engineAway(
          thrown instanceof errors.ResponseError && thrown.statusCode === 404 ? new Error('no index') : thrown,
        )
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
