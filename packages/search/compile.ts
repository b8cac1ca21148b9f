import type { estypes } from '@elastic/elasticsearch'
import { type Condition, editsOf, type TextCondition } from '@ordermill/model'
import { gramsField, gramsOf, wordsField } from './folded.ts'

type Dsl = estypes.QueryDslQueryContainer

/** A condition as Elasticsearch takes it. What anybody typed is only ever a value, already folded. */
export function compile(condition: Condition): Dsl {
  switch (condition.kind) {
    case 'all':
      return condition.of.length === 0 ? { match_all: {} } : { bool: { must: condition.of.map(compile) } }
    case 'any':
      return { bool: { should: condition.of.map(compile), minimum_should_match: 1 } }
    case 'not':
      return { bool: { must_not: [compile(condition.of)] } }
    case 'equal': {
      const { field, values, boost = 0 } = condition
      const terms = { terms: { [field]: values } } as Dsl
      return { constant_score: { filter: terms, boost } }
    }
    case 'range': {
      const { kind: _, field, ...bounds } = condition
      return { constant_score: { filter: { range: { [field]: bounds } } as Dsl, boost: 0 } }
    }
    case 'text':
      return boosted(compileText(condition), condition.boost)
  }
}

const boosted = (query: Dsl, boost: number | undefined): Dsl =>
  boost === undefined ? query : { bool: { must: [query], boost } }

function compileText({ field, how, words, slop, any, fuzzy }: TextCondition): Dsl {
  const name = wordsField(field)
  const each = (one: (word: string) => Dsl): Dsl =>
    any ? { bool: { should: words.map(one), minimum_should_match: 1 } } : { bool: { must: words.map(one) } }
  switch (how) {
    case 'exact': {
      const query = words.join(' ')
      if (slop === 0) return { match_phrase: { [name]: query } }
      return { intervals: { [name]: { match: { query, max_gaps: slop, ordered: true } } } }
    }
    case 'substring':
      return { match_phrase: { [gramsField(field)]: gramsOf(words.join(' ')).join(' ') } }
    case 'prefix':
      return each((value) => ({ prefix: { [name]: { value } } }))
    case 'shuffle':
      return each((value) => (fuzzy ? misspelt(name, value) : { term: { [name]: { value } } }))
  }
}

function misspelt(name: string, value: string): Dsl {
  const fuzziness = editsOf(value)
  if (fuzziness === 0) return { term: { [name]: { value } } }
  // A constant score lets the engine look at every word that is near: the best fifty alone are another answer.
  const rules = { fuzziness, prefix_length: 1, transpositions: false, rewrite: 'constant_score' }
  return { fuzzy: { [name]: { value, ...rules } } }
}
