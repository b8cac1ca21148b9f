import { hash } from 'node:crypto'
import type { estypes } from '@elastic/elasticsearch'
import type { Collection, Field } from '@ordermill/model'

/** What an index of a collection is made of, and the name that follows from it: another definition is another index. */
export interface IndexDefinition {
  /** Searches go to the alias; it points at the index in use. */
  alias: string
  index: string
  settings: estypes.IndicesIndexSettings
  mappings: estypes.MappingTypeMapping
}

const analysis: estypes.IndicesIndexSettingsAnalysis = {
  filter: { prefixes: { type: 'edge_ngram', min_gram: 1, max_gram: 20 } },
  analyzer: {
    words: { type: 'custom', tokenizer: 'standard', filter: ['lowercase', 'asciifolding'] },
    prefixes: { type: 'custom', tokenizer: 'standard', filter: ['lowercase', 'asciifolding', 'prefixes'] },
  },
}
const keyword: estypes.MappingProperty = { type: 'keyword' }
const date: estypes.MappingProperty = { type: 'date' }

/** The definition of a collection's index. `namespace` goes before its names. */
export function indexDefinition(c: Collection, namespace: string): IndexDefinition {
  const fields = c.fieldNames.map((name) => [name, mappingOf(c.fields[name] as Field)])
  const settings = { number_of_shards: 1, number_of_replicas: 0, refresh_interval: '1s', analysis }
  const mappings: estypes.MappingTypeMapping = {
    dynamic: 'strict', // a field that nobody declared is a defect, not a new column
    properties: {
      id: keyword,
      version: { type: 'integer' },
      status: keyword,
      ...Object.fromEntries(fields),
      created_at: date,
      updated_at: date,
      deleted_at: date,
    },
  }
  const digest = hash('sha256', JSON.stringify([settings.analysis, mappings])).slice(0, 8)
  const alias = `${namespace}${c.name}`
  return { alias, index: `${alias}-${digest}`, settings, mappings }
}

function mappingOf({ kind, search }: Field): estypes.MappingProperty {
  switch (kind) {
    case 'text':
      return {
        type: 'text',
        analyzer: 'words',
        ...(search.includes('prefix')
          ? { fields: { prefix: { type: 'text', analyzer: 'prefixes', search_analyzer: 'words' } } }
          : {}),
      }
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
