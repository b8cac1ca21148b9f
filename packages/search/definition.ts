import { hash } from 'node:crypto'
import type { estypes } from '@elastic/elasticsearch'
import { type Collection, type Field, searchableTexts } from '@ordermill/model'
import { documentText, gramsField, idFields, wordsField } from './folded.ts'

/** What an index of a collection is made of, and the name that follows from it: another definition is another index. */
export interface IndexDefinition {
  /** Searches go to the alias; it points at the index in use. */
  alias: string
  index: string
  settings: estypes.IndicesIndexSettings
  mappings: estypes.MappingTypeMapping
  /** What of the name follows from the definition. */
  digest: string
  /** What an index of this definition says of itself, in its `_meta`. */
  meta: IndexMeta
  /** The document that a record's JSON text becomes. */
  document(text: string): string
}

/** What an index says of the definition that it has, so that others can tell theirs from it. */
export interface IndexMeta {
  /** Of the definition that it was made by, and of the last one that it was made to fit. */
  made: string
  definition: string
  /** Digests of the analysis and of each field. */
  analysis: string
  fields: Record<string, string>
}

/** Of the texts as they are, for who looks at the index by other means. Our own searches ask what we have folded. */
const analysis: estypes.IndicesIndexSettingsAnalysis = {
  analyzer: { words: { type: 'custom', tokenizer: 'standard', filter: ['lowercase', 'asciifolding'] } },
}
/** Words that we have folded: the engine only takes them apart at the spaces. Its own analyzers would fold otherwise than we do. */
const folded = (name: string): [string, estypes.MappingProperty][] => [
  [wordsField(name), { type: 'text', analyzer: 'whitespace', index_prefixes: { min_chars: 1, max_chars: 10 } }],
  [gramsField(name), { type: 'text', analyzer: 'whitespace', norms: false }],
]
const keyword: estypes.MappingProperty = { type: 'keyword' }
const date: estypes.MappingProperty = { type: 'date' }

/** How an index is kept. The name does not depend on it. */
export interface IndexKeeping {
  shards: number
  replicas: number
  refresh_ms: number
}
const kept: IndexKeeping = { shards: 1, replicas: 0, refresh_ms: 1_000 }

/** The definition of a collection's index. `namespace` goes before its names. */
export function indexDefinition(
  c: Collection,
  namespace: string,
  { shards, replicas, refresh_ms }: IndexKeeping = kept,
): IndexDefinition {
  const fields = c.fieldNames.map((name) => [name, mappingOf(c.fields[name] as Field)])
  const keeping = { number_of_shards: shards, number_of_replicas: replicas, refresh_interval: `${refresh_ms}ms` }
  const settings = { ...keeping, analysis }
  const mappings: estypes.MappingTypeMapping = {
    _source: { excludes: [...idFields, wordsField('*'), gramsField('*')] },
    dynamic: 'strict', // a field that nobody declared is a defect, not a new column
    properties: {
      id: keyword,
      ...Object.fromEntries(idFields.map((name) => [name, { type: 'long' }])),
      version: { type: 'integer' },
      status: keyword,
      ...Object.fromEntries(fields),
      ...Object.fromEntries(searchableTexts(c).flatMap(folded)),
      created_at: date,
      updated_at: date,
      deleted_at: date,
    },
  }
  const digest = digestOf([settings.analysis, mappings])
  const meta = {
    made: digest,
    definition: digest,
    analysis: digestOf(settings.analysis),
    fields: Object.fromEntries(
      Object.entries(mappings.properties ?? {}).map(([name, property]) => [name, digestOf(property)]),
    ),
  }
  const alias = `${namespace}${c.name}`
  const index = `${alias}-${digest}`
  return { alias, index, settings, mappings: { ...mappings, _meta: meta }, digest, meta, document: documentText(c) }
}

const digestOf = (value: unknown): string => hash('sha256', JSON.stringify(value)).slice(0, 8)

function mappingOf({ kind }: Field): estypes.MappingProperty {
  switch (kind) {
    case 'text':
      return { type: 'text', analyzer: 'words' }
    case 'keyword':
      return keyword
    case 'integer':
      return { type: 'integer' }
    case 'money':
      return { type: 'double' }
    case 'time':
      return date
  }
}
