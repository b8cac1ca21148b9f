import { type Condition, foldWords, type QueryField, type TextSearch } from '@ordermill/model'
import { limits } from './limits.ts'
import { type Faults, isObject, type Path, unknownName } from './members.ts'
import { operatorsOf, readBound, readEqual } from './values.ts'

/** What is read in, and how many conditions there were so far. */
export interface Scope {
  faults: Faults
  fields: Map<string, QueryField>
  clauses: number
  /** How many words so far stand for others. */
  expansions: number
  /** Whether hits differ in relevance: a text must match. */
  ranked: boolean
}

const groups = ['text_matches', 'keyword_match', 'range_query', 'any_of']
const everything: Condition = { kind: 'all', of: [] }
const allOf = (of: Condition[]): Condition => (of.length === 1 && of[0] !== undefined ? of[0] : { kind: 'all', of })
const anyOf = (of: Condition[]): Condition => (of.length === 1 && of[0] !== undefined ? of[0] : { kind: 'any', of })
const not = (of: Condition): Condition => ({ kind: 'not', of })

/** A group of conditions: all that stands in it must hold. Absent or `{}` matches everything. */
export function readWhere(scope: Scope, value: unknown, path: Path, depth: number): Condition {
  if (value === undefined) return everything
  const { faults } = scope
  const sent = faults.object(value, path, groups)
  if (sent === undefined) return everything
  const all: Condition[] = []
  const read = (name: string, reader: typeof readTexts) => {
    if (sent[name] === undefined) return
    const both = faults.object(sent[name], [...path, name], ['must', 'must_not'])
    if (both?.['must'] !== undefined) all.push(...reader(scope, both['must'], [...path, name, 'must'], true))
    if (both?.['must_not'] !== undefined)
      all.push(...reader(scope, both['must_not'], [...path, name, 'must_not'], false))
    if (both !== undefined && Object.keys(both).length === 0)
      faults.add([...path, name], 'required', 'must have must or must_not')
  }
  read('text_matches', readTexts)
  read('keyword_match', readKeywords)
  read('range_query', readRanges)
  if (sent['any_of'] !== undefined) {
    const here = [...path, 'any_of']
    if (depth >= limits.depth) faults.add(here, 'depth', `must not be nested deeper than ${limits.depth} levels`)
    else {
      const list = faults.listOf(sent['any_of'], here, limits.clauses) ?? []
      scope.clauses += list.length
      all.push(anyOf(list.map((one, at) => readWhere(scope, one, [...here, at], depth + 1))))
    }
  }
  return allOf(all)
}

/** The field of that name, if the operator fits it. */
function fieldOf({ faults, fields }: Scope, name: unknown, path: Path, operator: string): QueryField | undefined {
  const fitting = [...fields].filter(([, field]) => operatorsOf(field).includes(operator)).map(([one]) => one)
  const field = typeof name === 'string' ? fields.get(name) : undefined
  if (field === undefined)
    return faults.add(path, 'unknown', typeof name === 'string' ? unknownName(name, fitting) : 'must name a field')
  const operators = operatorsOf(field)
  if (operators.includes(operator)) return field
  const instead = operators.length === 0 ? 'it cannot be searched' : `it takes ${operators.join(', ')}`
  return faults.add(path, 'operator', `is of kind ${field.kind}: ${instead}`)
}

const kinds = ['exact', 'shuffle', 'substring', 'prefix'] as const
/** What a text must be searchable by. */
export const needs = { exact: 'phrase', shuffle: 'phrase', substring: 'substring', prefix: 'prefix' } as const

/** Texts for one field are alternatives; those for different fields must all hold. */
function readTexts(scope: Scope, value: unknown, path: Path, must: boolean): Condition[] {
  const byField = new Map<string, Condition[]>()
  for (const [at, one] of (scope.faults.listOf(value, path, limits.clauses) ?? []).entries()) {
    scope.clauses += 1
    const condition = readText(scope, one, [...path, at])
    if (condition?.kind === 'text') byField.set(condition.field, [...(byField.get(condition.field) ?? []), condition])
  }
  if (must && byField.size > 0) scope.ranked = true
  return [...byField.values()].map((of) => (must ? anyOf(of) : not(anyOf(of))))
}

const textMembers = ['filter_key', 'text_value', 'search_type', 'slop', 'operator', 'fuzzy']

function readText(scope: Scope, value: unknown, path: Path): Condition | undefined {
  const { faults } = scope
  const sent = faults.object(value, path, textMembers)
  if (sent === undefined) return undefined
  const field = fieldOf(scope, sent['filter_key'], [...path, 'filter_key'], 'text_matches')
  const how: TextSearch | undefined =
    sent['search_type'] === undefined ? 'shuffle' : faults.word(sent['search_type'], [...path, 'search_type'], kinds)
  const here = [...path, 'text_value']
  const text = faults.text(sent['text_value'], here, limits.characters)
  const slop = faults.whole(sent['slop'], [...path, 'slop'], { min: 0, max: limits.slop, otherwise: 0 })
  const fuzzy = faults.flag(sent['fuzzy'], [...path, 'fuzzy'])
  const operator =
    sent['operator'] === undefined ? 'and' : faults.word(sent['operator'], [...path, 'operator'], ['and', 'or'])
  if (field === undefined || how === undefined || text === undefined || operator === undefined) return undefined
  const fits = (member: string, of: TextSearch[]) => {
    if (sent[member] !== undefined && !of.includes(how))
      faults.add([...path, member], 'operator', `goes with ${of.join(' and ')}, not with ${how}`)
  }
  fits('slop', ['exact'])
  fits('operator', ['shuffle', 'prefix'])
  if (fuzzy) fits('fuzzy', ['shuffle'])
  const wanted = fuzzy ? 'fuzzy' : needs[how]
  if (!field.search.includes(wanted))
    faults.add([...path, 'search_type'], 'operator', `cannot be ${wanted} here: there are ${field.search.join(', ')}`)
  const words = foldWords(text)
  if (words.length === 0) return faults.add(here, 'empty', 'must have a letter or a digit')
  if (words.length > limits.words) return faults.add(here, 'words', `must have no more than ${limits.words} words`)
  if (how === 'substring' && [...words.join(' ')].length < 3)
    return faults.add(here, 'length', 'must have three letters or digits at least to be searched as a substring')
  if (fuzzy || how === 'prefix') scope.expansions += words.length
  return { kind: 'text', field: String(sent['filter_key']), how, words, slop, any: operator === 'or', fuzzy }
}

function readKeywords(scope: Scope, value: unknown, path: Path, must: boolean): Condition[] {
  return readMembers(scope, value, path).flatMap(([name, given]) => {
    const here = [...path, name]
    const field = fieldOf(scope, name, here, 'keyword_match')
    if (field === undefined) return []
    const list = Array.isArray(given) ? scope.faults.listOf(given, here, limits.values) : [given]
    const values = (list ?? []).flatMap(
      (one, at) => readEqual(scope.faults, field, one, Array.isArray(given) ? [...here, at] : here) ?? [],
    )
    const condition: Condition = { kind: 'equal', field: name, values: [...new Set(values)] }
    return [must ? condition : not(condition)]
  })
}

const bounds = ['gte', 'gt', 'lte', 'lt'] as const

function readRanges(scope: Scope, value: unknown, path: Path, must: boolean): Condition[] {
  return readMembers(scope, value, path).flatMap(([name, given]) => {
    const here = [...path, name]
    const field = fieldOf(scope, name, here, 'range_query')
    const sent = scope.faults.object(given, here, bounds)
    if (field === undefined || sent === undefined) return []
    const set = bounds.filter((bound) => sent[bound] !== undefined)
    if (set.length === 0) return scope.faults.add(here, 'required', `must have one of ${bounds.join(', ')}`) ?? []
    const read = set.map((bound) => [bound, readBound(scope.faults, field, sent[bound], [...here, bound])])
    const condition = { kind: 'range', field: name, ...Object.fromEntries(read) } as Condition
    return [must ? condition : not(condition)]
  })
}

/** Members by field: one at least. */
function readMembers(scope: Scope, value: unknown, path: Path): [string, unknown][] {
  if (!isObject(value)) return scope.faults.add(path, 'type', 'must be a JSON object') ?? []
  const entries = Object.entries(value)
  if (entries.length === 0) scope.faults.add(path, 'required', 'must name a field')
  scope.clauses += entries.length
  return entries.slice(0, limits.clauses)
}
