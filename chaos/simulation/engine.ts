import { errors } from '@elastic/elasticsearch'
import type { EngineClient } from '@ordermill/search'
import type { Asking } from './asking.ts'
import type { Random } from './random.ts'

interface Doc {
  version: number
  text: string
}

/** A search engine in memory: one index behind an alias, documents with external versions. */
export interface Engine {
  index: { name: string; uuid: string; documents: Map<string, Doc>; mappings: object } | undefined
  /** How likely one document of a bulk is refused for now. */
  refuses: number
}

interface Item {
  index: { status: number; error?: { type: string; reason: string } }
}

/** As much of the client as the product's index writer uses. */
export function createEngineClient({
  engine,
  ask,
  random,
}: {
  engine: Engine
  ask: Asking
  random: Random
}): EngineClient {
  const write = (head: string, text: string): Item => {
    const { index } = JSON.parse(head) as { index: { _id: string; version: number; version_type: string } }
    const documents = engine.index?.documents
    if (documents === undefined)
      return { index: { status: 404, error: { type: 'index_not_found_exception', reason: '' } } }
    if (random.chance(engine.refuses)) return { index: { status: 429, error: { type: 'es_rejected', reason: 'busy' } } }
    const standing = documents.get(index._id)
    const isStale =
      standing !== undefined &&
      ((index.version_type === 'external_gte' && index.version < standing.version) ||
        (index.version_type === 'external' && index.version <= standing.version))
    if (isStale) return { index: { status: 409, error: { type: 'version_conflict_engine_exception', reason: '' } } }
    documents.set(index._id, { version: index.version, text })
    return { index: { status: 200 } }
  }
  const client = {
    indices: {
      get: () =>
        ask(() => {
          const { index } = engine
          return index === undefined
            ? { error: 'none', status: 404 }
            : { [index.name]: { settings: { index: { uuid: index.uuid } }, mappings: index.mappings } }
        }),
      create: ({ index: name, mappings }: { index: string; mappings: object }) =>
        ask(() => {
          if (engine.index !== undefined) throw refused(400, 'resource_already_exists_exception')
          engine.index = { name, uuid: `index-${random.below(1e9)}`, documents: new Map(), mappings }
        }),
      putAlias: () => ask(() => undefined),
      putSettings: () => ask(() => undefined),
      refresh: () => ask(() => undefined),
    },
    bulk: ({ operations }: { operations: string[] }) =>
      ask(() => {
        if (engine.index === undefined) throw refused(404, 'index_not_found_exception')
        const items: Item[] = []
        for (let at = 0; at < operations.length; at += 2)
          items.push(write(operations[at] ?? '', operations[at + 1] ?? ''))
        return { errors: items.some(({ index }) => index.status >= 300), items }
      }),
  }
  return client as unknown as EngineClient
}

const refused = (statusCode: number, type: string): Error =>
  new errors.ResponseError({ statusCode, body: { error: { type } }, headers: {}, warnings: null, meta: {} as never })
