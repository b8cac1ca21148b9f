import { errors, type estypes } from '@elastic/elasticsearch'
import type { EngineClient } from './client.ts'
import type { IndexDefinition, IndexMeta } from './definition.ts'
import { EngineRefused, refusedOrAway, typeOf } from './refusing.ts'

/** An index as the engine has it. */
export interface StandingIndex {
  name: string
  uuid: string
  /** Of indices that say so. */
  meta: IndexMeta | undefined
  aliases: string[]
  fields: string[]
  refresh_interval: string | undefined
  shards: string | undefined
}

/** How an index and the definition of who asks differ: fields that the index lacks, and what only a new index can change. */
export interface Difference {
  lacks: string[]
  differs: string[]
}

/**
 * What is written to goes by an alias of its own: it leaves with its index, so that a write that comes late neither makes an index
 * anew nor reaches the one that has come after it.
 */
export const writeAlias = (index: string): string => `${index}-write`

/** Indices of one collection. Every method throws Unavailable | EngineRefused. */
export interface Indices {
  /** The one that the alias points at, or that is called so; undefined if there is none. */
  find(name: string): Promise<StandingIndex | undefined>
  /** Makes an empty one, unless it is there; `serving`: searches find it under the alias at once. */
  make(name: string, serving: boolean): Promise<void>
  /** Gives it what it lacks, as far as an index that stands takes it, and tells what it does not take. */
  fit(standing: StandingIndex): Promise<StandingIndex>
  /** What was written is found by searches after this. */
  refresh(name: string): Promise<void>
  /** Searches ask another index from now on: in one call. */
  swap(from: string, to: string): Promise<void>
  /** Takes it away; done if there is none. */
  remove(name: string): Promise<void>
  /** How often it refreshes by itself, as in `1s`. */
  setRefreshInterval(name: string, interval: string): Promise<void>
}

export function createIndices(client: EngineClient, definition: IndexDefinition): Indices {
  const { alias, settings, mappings } = definition
  const find = async (name: string): Promise<StandingIndex | undefined> => {
    const found = await client.indices.get({ index: name }, { ignore: [404] })
    const [index, state] = Object.entries(found).find(([key]) => key !== 'error' && key !== 'status') ?? []
    const uuid = state?.settings?.index?.uuid
    if (index === undefined || state === undefined || typeof uuid !== 'string') return undefined
    return {
      name: index,
      uuid,
      meta: state.mappings?._meta as IndexMeta | undefined,
      aliases: Object.keys(state.aliases ?? {}),
      fields: Object.keys(state.mappings?.properties ?? {}),
      refresh_interval: state.settings?.index?.refresh_interval as string | undefined,
      shards: state.settings?.index?.number_of_shards as string | undefined,
    }
  }
  const answered = <T>(answer: Promise<T>): Promise<T> =>
    answer.catch((thrown: unknown) => Promise.reject(refusedOrAway(thrown)))
  const putMapping = async (name: string, properties: Properties, meta: IndexMeta): Promise<boolean> => {
    try {
      await client.indices.putMapping({ index: name, properties, _meta: { ...meta } })
      return true
    } catch (thrown) {
      if (thrown instanceof errors.ResponseError && thrown.statusCode === 400) return false
      throw refusedOrAway(thrown)
    }
  }
  /** Of which index it was tried: what it refuses it refuses again, and another version of the program may see it otherwise. */
  let tried: string | undefined
  return {
    find: (name) => answered(find(name)),
    async make(name, serving) {
      const aliases = { [writeAlias(name)]: {}, ...(serving ? { [alias]: { is_write_index: true } } : {}) }
      try {
        await client.indices.create({ index: name, settings, mappings, aliases })
      } catch (thrown) {
        if (!(thrown instanceof errors.ResponseError) || thrown.statusCode !== 400) throw refusedOrAway(thrown)
        const type = typeOf(thrown)
        if (type !== 'resource_already_exists_exception') throw new EngineRefused(type, { cause: thrown })
      }
    },
    async fit(standing) {
      const { name, uuid, fields } = standing
      if (!standing.aliases.includes(writeAlias(name)))
        await answered(client.indices.putAlias({ index: name, name: writeAlias(name) }))
      const { lacks, differs } = differenceOf(definition, standing)
      if (lacks.length === 0 && (differs.length === 0 || tried === uuid)) return standing
      tried = uuid
      const made = madeBy(definition, standing)
      const all = mappings.properties ?? {}
      const whole = { ...definition.meta, made }
      // An index takes fields that were added, and some changes of those it has; analysis never.
      if (!differs.includes(analysisName) && (await putMapping(name, all, whole)))
        return { ...standing, meta: whole, fields: Object.keys(all) }
      const added: Properties = Object.fromEntries(Object.entries(all).filter(([field]) => lacks.includes(field)))
      const meta: IndexMeta = {
        ...(standing.meta ?? { ...definition.meta, made, definition: made }),
        fields: { ...standing.meta?.fields, ...pick(definition.meta.fields, lacks) },
      }
      if (lacks.length > 0 && !(await putMapping(name, added, meta))) throw new EngineRefused('mapping-refused')
      return { ...standing, meta, fields: [...fields, ...lacks] }
    },
    refresh: (name) => answered(client.indices.refresh({ index: name })).then(() => undefined),
    async swap(from, to) {
      const add = { add: { index: to, alias, is_write_index: true } }
      await answered(client.indices.updateAliases({ actions: [{ remove: { index: from, alias } }, add] }))
    },
    async remove(name) {
      await answered(client.indices.delete({ index: name }, { ignore: [404] }))
    },
    setRefreshInterval: (name, refresh_interval) =>
      answered(client.indices.putSettings({ index: name, settings: { refresh_interval } })).then(() => undefined),
  }
}

type Properties = Record<string, estypes.MappingProperty>

/** No fields: names of fields have no brackets. */
const analysisName = '(analysis)'
const shardsName = '(shards)'

const pick = (all: Record<string, string>, names: string[]) =>
  Object.fromEntries(names.map((name) => [name, all[name] ?? '']))

/** By which definition it was made. What an index does not say of itself its name says. */
export const madeBy = ({ index, digest, alias }: IndexDefinition, { name, meta }: StandingIndex): string =>
  meta?.made ?? (name === index ? digest : name.slice(alias.length + 1))

/** What sets an index apart from a definition. Of what an index does not say nothing is known: it counts as the same. */
export function differenceOf(definition: IndexDefinition, { meta, fields }: StandingIndex): Difference {
  const own = definition.meta
  const lacks = Object.keys(own.fields).filter((name) => !fields.includes(name))
  if (meta === undefined || meta.definition === own.definition) return { lacks, differs: [] }
  const differs = Object.keys(own.fields).filter(
    (name) => meta.fields[name] !== undefined && meta.fields[name] !== own.fields[name],
  )
  return { lacks, differs: meta.analysis === own.analysis ? differs : [analysisName, ...differs] }
}

/** What an index can never have of a definition: only a new one can. */
export function lackingFor(definition: IndexDefinition, standing: StandingIndex): string[] {
  const { differs } = differenceOf(definition, standing)
  const { shards } = standing
  const isSplitOtherwise = shards !== undefined && shards !== String(definition.settings.number_of_shards)
  return isSplitOtherwise ? [...differs, shardsName] : differs
}
