import type { EngineClient } from './client.ts'
import type { IndexDefinition } from './definition.ts'
import { EngineRefused, isRefusal, refusedOrAway } from './refusing.ts'
import { createIndices, lackingFor, madeBy, type StandingIndex, writeAlias } from './standing.ts'

/** A document: the JSON text of a record as it is, under its change number. */
export interface Document {
  id: string
  change_seq: number
  text: string
}

/** done: the index holds this change or a later one. retry: not now. rejected: never, and why. */
export type WriteResult = { outcome: 'done' | 'retry' } | { outcome: 'rejected'; reason: string }

/** What is fed: key and name of its cursor, and how it stands to the definition. */
export interface FedIndex {
  uuid: string
  name: string
  /** Who feeds it holds the lease of this name; else that of the follower. */
  lease?: string
  /** What it serves searches for. */
  alias?: string
  definition?: string
  /** The cursor to begin at, where it has none of its own. */
  from?: string
  /** What of the definition it does not have, and only a new index can have. */
  differs?: string[]
}

/** Writes one index. */
export interface IndexWriter {
  /**
   * Makes the index and its alias where they are missing. An index of an older definition takes the fields that were added since,
   * under another `uuid`: it is fed again from the first change, since its documents lack them.
   * @throws Unavailable | EngineRefused
   */
  ensure(): Promise<FedIndex>
  /** How many pages it may be given at once, the later ones before it has answered for those before them; 1 if absent. */
  pagesMax?: number
  /** Writes in one call, over the same change and older ones; a result for each document, in order. @throws Unavailable | EngineRefused */
  write(documents: Document[]): Promise<WriteResult[]>
  /** What was written is found by searches after this. @throws Unavailable | EngineRefused */
  refresh?(): Promise<void>
  /** Whether very much is about to be written: searches need not follow at once then. @throws Unavailable | EngineRefused */
  expectMuch?(much: boolean): Promise<void>
}

/** How often an index that is being filled refreshes by itself. */
const whileFilled = '30s'

/**
 * Writes the index that the alias points at, or `only` that one: which is never made here, keeps its key, and serves nobody.
 * Two versions of the program may write one index in turn: the one by whose definition it is writes over the same change, the other
 * one only over older ones, and each has a cursor of its own, so that nothing stays as the other one understood it.
 */
export function createIndexWriter(
  client: EngineClient,
  definition: IndexDefinition,
  only?: { name: string; key: string },
): IndexWriter {
  const { alias, index, settings, digest, document } = definition
  const indices = createIndices(client, definition)
  let fed: StandingIndex | undefined

  const find = async (): Promise<StandingIndex> => {
    const found = await indices.find(only?.name ?? alias)
    if (found !== undefined) return found
    if (only !== undefined) throw new EngineRefused('index-missing')
    await indices.make(index, true)
    const made = await indices.find(alias)
    if (made === undefined) throw new EngineRefused('alias-missing')
    return made
  }
  const versionType = () => (fed?.meta === undefined || fed.meta.definition === digest ? 'external_gte' : 'external')
  return {
    pagesMax: 2, // a later change stays, whichever arrives first
    async ensure() {
      fed = await indices.fit(await find())
      const { name, uuid } = fed
      const differs = lackingFor(definition, fed)
      const shared = { name, lease: `index:${uuid}`, definition: digest, differs }
      if (only !== undefined) return { ...shared, uuid: only.key }
      return { ...shared, alias, ...keyOf(definition, fed) }
    },
    async write(documents) {
      const { name = index } = fed ?? {}
      const type = versionType()
      const operations = documents.flatMap(({ id, change_seq, text }) => [
        `{"index":{"_id":"${id}","version":${change_seq},"version_type":"${type}"}}`,
        document(text),
      ])
      try {
        const answer = await client.bulk({
          index: writeAlias(name),
          require_alias: true, // never makes an index by writing to it
          operations,
          filter_path: 'errors,items.*.status,items.*.error.type,items.*.error.reason',
        })
        if (!answer.errors) return documents.map(() => ({ outcome: 'done' }))
        return answer.items.map(({ index: item }) => resultOf(item?.status ?? 500, item?.error))
      } catch (thrown) {
        throw refusedOrAway(thrown)
      }
    },
    async refresh() {
      if (fed !== undefined) await indices.refresh(fed.name)
    },
    async expectMuch(much) {
      const refresh_interval = much ? whileFilled : settings.refresh_interval
      if (fed === undefined || typeof refresh_interval !== 'string' || fed.refresh_interval === refresh_interval) return
      await indices.setRefreshInterval(fed.name, refresh_interval)
      fed = { ...fed, refresh_interval }
    },
  }
}

/** The key of a definition's cursor, and where it begins: an index that was made to fit is fed again from the first change. */
function keyOf(definition: IndexDefinition, standing: StandingIndex): { uuid: string; from?: string } {
  const { uuid, meta } = standing
  const made = madeBy(definition, standing)
  const key = (digest: string) => (digest === made ? uuid : `${uuid}-${digest}`)
  const own = key(definition.digest)
  return meta === undefined || meta.definition === definition.digest
    ? { uuid: own }
    : { uuid: own, from: key(meta.definition) }
}

function resultOf(status: number, error: { type?: string; reason?: string | null } | undefined): WriteResult {
  if (status < 300 || status === 409) return { outcome: 'done' } // 409: the index holds this change or a later one
  if (isRefusal(status, error?.type)) throw new EngineRefused(error?.type ?? String(status))
  if (status === 429 || status >= 500) return { outcome: 'retry' }
  return { outcome: 'rejected', reason: `${error?.type ?? status}: ${error?.reason ?? ''}` }
}
