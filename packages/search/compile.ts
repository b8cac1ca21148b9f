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
    case 'substring': {
      const filter: Dsl = { match_phrase: { [gramsField(field)]: gramsOf(words.join(' ')).join(' ') } }
      return { constant_score: { filter, boost: words.length } }
    }
    case 'prefix':
      return each((value) => ({ prefix: { [name]: { value } } }))
    case 'shuffle':
      return each((value) => (fuzzy ? misspelt(name, value) : { term: { [name]: { value } } }))
  }
}

/**
 * How many words one that is misspelt may stand for, the nearest first, where it is of letters alone: no language has so many. Of numbers
 * there may be more, and all are looked at, at three times the cost: automata are then built anew for each segment of the index.
 */
const nearMax = 1_024

function misspelt(name: string, value: string): Dsl {
  const fuzziness = editsOf(value)
  if (fuzziness === 0) return { term: { [name]: { value } } }
  const rewrite = /\p{N}/u.test(value) ? 'constant_score' : `top_terms_boost_${nearMax}`
  const rules = { fuzziness, prefix_length: 1, transpositions: false, rewrite }
  return { constant_score: { filter: { fuzzy: { [name]: { value, ...rules } } } } } // near is near: the engine would grade it
}

/**
 * The score of every hit of what `compile` makes of this, if it is the same for all; else undefined. In most of these nothing that
 * matches is better than the rest.
 */
export function equalScore(condition: Condition): number | undefined {
  switch (condition.kind) {
    case 'all':
      if (condition.of.length === 0) return 1
      return condition.of.reduce<number | undefined>((sum, one) => plus(sum, equalScore(one)), 0)
    case 'any': {
      const [only, ...more] = condition.of
      return only === undefined || more.length > 0 ? undefined : equalScore(only)
    }
    case 'equal':
      return condition.boost ?? 0
    case 'range':
    case 'not':
      return 0
    case 'text':
      return saysTheSame(condition) ? condition.words.length * (condition.boost ?? 1) : undefined
  }
}

const plus = (sum: number | undefined, more: number | undefined) =>
  sum === undefined || more === undefined ? undefined : sum + more

function saysTheSame({ how, words, any, fuzzy }: TextCondition): boolean {
  if (how === 'substring') return true
  if (any && words.length > 1) return false // one of them says less than both
  return how === 'prefix' || (how === 'shuffle' && fuzzy && words.every((word) => editsOf(word) > 0))
}
