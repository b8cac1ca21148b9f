import { type Collection, type Facet, type QueryField, queryFields, type TextSearch } from '@ordermill/model'
import { needs } from './conditions.ts'
import { facetsOf } from './facets.ts'
import { operatorsOf } from './values.ts'

/** A field as a form of filters needs it. */
export interface FilterField {
  name: string
  type: QueryField['kind']
  /** May be absent. */
  optional: boolean
  /** Members of `where` that take it. */
  operators: string[]
  /** Of a text: how it may be searched, and whether misspelt words are found. */
  search_types?: TextSearch[]
  fuzzy?: boolean
  sortable: boolean
  facets: Facet['kind'][]
  /** All that there can be, where that is known. */
  values?: string[]
}

/** Every field of a collection, and what can be asked of it. */
export function filterFields(c: Collection): FilterField[] {
  return [...queryFields(c)].map(([name, field]) => {
    const { kind, search, optional } = field
    const types = Object.entries(needs).filter(([, need]) => search.includes(need)) as [TextSearch, string][]
    return {
      name,
      type: kind,
      optional,
      operators: operatorsOf(field),
      ...(kind === 'text' ? { search_types: types.map(([type]) => type), fuzzy: search.includes('fuzzy') } : {}),
      sortable: kind !== 'text',
      facets: facetsOf(field),
      ...(name === 'status' ? { values: c.status.all } : {}),
    }
  })
}
