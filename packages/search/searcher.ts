import { type Collection, type Found, foundMax, type Query, queryFields, Unavailable } from '@ordermill/model'
import { compileFacets, readFacetCounts } from './aggregations.ts'
import { type EngineClient, engineAway } from './client.ts'
import { compile } from './compile.ts'
import { compileOrder } from './order.ts'
import { createSnapshots, isGone, SnapshotGone } from './snapshots.ts'

/** Asks the engine. Every method throws Unavailable (`search-away`) when it does not answer, or cannot answer this. */
export interface Searcher {
  query(query: Query, correlationId?: string): Promise<Found>
  /**
   * The same in a snapshot: a new one where none is named. `snapshot` of what is found names it for the next page.
   * @throws SnapshotGone | Unavailable (`search-busy`: there are too many)
   */
  queryIn(snapshot: string | undefined, query: Query, correlationId?: string): Promise<Found & { snapshot: string }>
  /** Lets go of a snapshot. Never throws. */
  close(snapshot: string): Promise<void>
  /** The document of a record, as far as it can be found: its version, and the number of the change that it is of. */
  locate(id: string): Promise<{ version: number; deleted: boolean; change_seq: number } | undefined>
  /** How the engine says it is. */
  health(): Promise<string>
}

/** Searches a collection under its alias. The engine is told to give up after `timeout_ms`, should nobody hang up on it. */
export function createSearcher(client: EngineClient, c: Collection, alias: string, timeout_ms = 10_000): Searcher {
  const fields = queryFields(c)
  const snapshots = createSnapshots(client, alias)

  async function ask(query: Query, where: { index: string } | { pit: { id: string } }, correlationId?: string) {
    const order = compileOrder(query, fields)
    const answer = await client.search(
      {
        ...where,
        size: query.size,
        track_total_hits: query.exact ? true : foundMax,
        allow_partial_search_results: false, // nor what was found in time: half a count is none
        timeout: `${timeout_ms}ms`,
        _source: false,
        query: { bool: { must: [compile(query.where)], must_not: [{ exists: { field: 'deleted_at' } }] } },
        ...(query.facets && { aggregations: compileFacets(query.facets) }),
        ...order.request,
      },
      correlationId === undefined ? {} : { opaqueId: correlationId },
    )
    const { total } = answer.hits
    const { value, relation } = typeof total === 'object' ? total : { value: total ?? 0, relation: 'eq' as const }
    const found: Found = {
      hits: answer.hits.hits.map(({ _id: id = '', _score, sort = [] }) => {
        const hit = { id, score: order.score(_score) }
        return { ...hit, sort: order.sortValues(sort, hit) }
      }),
      total: { value: query.exact ? value : Math.min(value, foundMax), relation },
      ...(query.facets && { facets: readFacetCounts(query.facets, answer.aggregations ?? {}) }),
    }
    return { found, pit_id: answer.pit_id }
  }
  return {
    async query(query, correlationId) {
      try {
        return (await ask(query, { index: alias }, correlationId)).found
      } catch (thrown) {
        throw engineAway(thrown)
      }
    },
    async queryIn(given, query, correlationId) {
      try {
        const snapshot = given ?? (await snapshots.open(correlationId))
        const { found, pit_id } = await ask(query, snapshots.request(snapshot), correlationId)
        return { ...found, snapshot: snapshots.renamed(snapshot, pit_id) }
      } catch (thrown) {
        if (thrown instanceof Unavailable) throw thrown
        throw given !== undefined && isGone(thrown) ? new SnapshotGone(thrown) : engineAway(thrown)
      }
    },
    close: (snapshot) => snapshots.close(snapshot),
    async locate(id) {
      try {
        const { hits } = await client.search<{ version: number; deleted_at?: string }>({
          index: alias,
          query: { ids: { values: [id] } },
          version: true,
          _source: ['version', 'deleted_at'],
        })
        const [hit] = hits.hits
        if (hit?._source === undefined) return undefined
        const { version, deleted_at } = hit._source
        return { version, deleted: deleted_at !== undefined, change_seq: hit._version ?? 0 }
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
