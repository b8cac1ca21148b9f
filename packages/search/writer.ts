import { errors } from '@elastic/elasticsearch'
import { toError, type Unavailable } from '@ordermill/model'
import { type EngineClient, engineAway } from './client.ts'
import type { IndexDefinition } from './definition.ts'

/** A document: the JSON text of a record as it is, under its change number. */
export interface Document {
  id: string
  change_seq: number
  text: string
}

/** done: the index holds this change or a later one. retry: not now. rejected: never, and why. */
export type WriteResult = { outcome: 'done' | 'retry' } | { outcome: 'rejected'; reason: string }

/** The engine answers, but refuses the index or us: someone has to look. No row may be passed meanwhile. */
export class EngineRefused extends Error {
  readonly code: string
  constructor(code: string, options?: ErrorOptions) {
    super(`the search engine refuses to write: ${code}`, options)
    this.name = 'EngineRefused'
    this.code = code
  }
}

/** Writes one index. */
export interface IndexWriter {
  /**
   * Makes the index and its alias where they are missing. An index of an older definition takes the fields that were added since,
   * under another `uuid`: it is fed again from the first change, since its documents lack them.
   * @throws Unavailable | EngineRefused
   */
  ensure(): Promise<{ uuid: string; name: string }>
  /** Writes in one call, over the same change and older ones; a result for each document, in order. @throws Unavailable | EngineRefused */
  write(documents: Document[]): Promise<WriteResult[]>
}

/** Statuses of an item after which nothing may be passed: index missing, not allowed, not authenticated, blocked by the engine. */
const refusing = new Set([401, 403, 404])

export function createIndexWriter(client: EngineClient, definition: IndexDefinition): IndexWriter {
  const { alias, index, settings, mappings, digest, document } = definition
  const inUse = async (): Promise<{ uuid: string; name: string } | undefined> => {
    const found = await client.indices.getSettings({ index: alias, flat_settings: true }, { ignore: [404] })
    const [name, state] = Object.entries(found).find(([key]) => key !== 'error' && key !== 'status') ?? []
    const flat = state?.settings as Record<string, unknown> | undefined
    const uuid = flat?.['index.uuid']
    return name === undefined || typeof uuid !== 'string' ? undefined : { name, uuid }
  }
  let fitting: string | undefined
  /** An index of an older definition takes the fields that were added since; what it has otherwise stays as it is. */
  const fit = async (standing: { uuid: string; name: string }) => {
    if (standing.name === index || standing.uuid === fitting) return
    await client.indices.putMapping({ index: standing.name, properties: mappings.properties ?? {} })
    fitting = standing.uuid
  }
  return {
    async ensure() {
      try {
        const standing = await inUse()
        if (standing !== undefined) {
          await fit(standing)
          return standing.name === index ? standing : { ...standing, uuid: `${standing.uuid}-${digest}` }
        }
        await client.indices.create({ index, settings, mappings, aliases: { [alias]: { is_write_index: true } } })
      } catch (thrown) {
        if (!(thrown instanceof errors.ResponseError) || thrown.statusCode !== 400) throw refusedOrAway(thrown)
        const type = typeOf(thrown)
        if (type !== 'resource_already_exists_exception') throw new EngineRefused(type, { cause: thrown })
      }
      const made = await inUse().catch((thrown: unknown) => Promise.reject(refusedOrAway(thrown)))
      if (made === undefined) throw new EngineRefused('alias-missing')
      return made
    },
    async write(documents) {
      const operations = documents.flatMap(({ id, change_seq, text }) => [
        `{"index":{"_id":"${id}","version":${change_seq},"version_type":"external_gte"}}`,
        document(text),
      ])
      try {
        const answer = await client.bulk({
          index: alias,
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
  }
}

function resultOf(status: number, error: { type?: string; reason?: string | null } | undefined): WriteResult {
  if (status < 300 || status === 409) return { outcome: 'done' } // 409: the index holds this change or a later one
  if (refusing.has(status)) throw new EngineRefused(error?.type ?? String(status))
  if (status === 429 || status >= 500) return { outcome: 'retry' }
  return { outcome: 'rejected', reason: `${error?.type ?? status}: ${error?.reason ?? ''}` }
}

function refusedOrAway(thrown: unknown): EngineRefused | Unavailable {
  if (thrown instanceof EngineRefused) return thrown
  if (
    thrown instanceof errors.ResponseError &&
    thrown.statusCode !== undefined &&
    thrown.statusCode !== 429 &&
    thrown.statusCode < 500
  )
    return new EngineRefused(typeOf(thrown), { cause: toError(thrown) })
  return engineAway(thrown)
}

function typeOf(error: errors.ResponseError): string {
  const body: unknown = error.body
  if (body !== null && typeof body === 'object' && 'error' in body) {
    const { error: inner } = body
    if (inner !== null && typeof inner === 'object' && 'type' in inner) return String(inner.type)
  }
  return String(error.statusCode)
}
