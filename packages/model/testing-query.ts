import type { StoredRecord } from './collection.ts'
import { foldWords } from './fold.ts'
import { type Condition, editsOf, type Sort, sortKeys, type TextCondition } from './query.ts'

/** What queries mean, said as plainly as possible: both engines are tested against this. `fold` may remember what it gave. */
export function matches(record: StoredRecord, condition: Condition, fold = foldWords): boolean {
  switch (condition.kind) {
    case 'all':
      return condition.of.every((one) => matches(record, one, fold))
    case 'any':
      return condition.of.some((one) => matches(record, one, fold))
    case 'not':
      return !matches(record, condition.of, fold)
    case 'equal':
      return condition.values.some((value) => value === record[condition.field])
    case 'range': {
      const value = record[condition.field]
      if (value === null || value === undefined) return false
      const { gte, gt, lte, lt } = condition
      return (
        (gte === undefined || value >= gte) &&
        (gt === undefined || value > gt) &&
        (lte === undefined || value <= lte) &&
        (lt === undefined || value < lt)
      )
    }
    case 'text': {
      const text = record[condition.field]
      return typeof text === 'string' && textMatches(fold(text), condition)
    }
  }
}

/** Folds a text once, however often it is asked of it. */
export function foldOnce(): typeof foldWords {
  const known = new Map<string, string[]>()
  return (text) => {
    const words = known.get(text) ?? foldWords(text)
    known.set(text, words)
    return words
  }
}

function textMatches(have: string[], { how, words, slop, any, fuzzy }: TextCondition): boolean {
  const one = (word: string): boolean => {
    if (how === 'prefix') return have.some((other) => other.startsWith(word))
    if (fuzzy) return have.some((other) => isNear(word, other))
    return have.includes(word)
  }
  if (how === 'substring') return have.join(' ').includes(words.join(' '))
  if (how === 'exact') return have.some((_, start) => isPhrase(have.slice(start), words, slop))
  return any ? words.some(one) : words.every(one)
}

/** Whether the words stand in this order from the beginning on, with at most so many others between them. */
function isPhrase([first, ...rest]: string[], [word, ...more]: string[], slop: number): boolean {
  if (word === undefined) return true
  if (first !== word) return false
  if (more.length === 0) return true
  return rest.some((_, skipped) => skipped <= slop && isPhrase(rest.slice(skipped), more, slop - skipped))
}

function isNear(word: string, other: string): boolean {
  if (word.codePointAt(0) !== other.codePointAt(0)) return false
  const edits = editsOf(word)
  const [a, b] = [[...word], [...other]]
  let row = b.map((_, at) => at + 1)
  row.unshift(0)
  for (const [i, letter] of a.entries()) {
    const next = [i + 1]
    for (const [j, against] of b.entries())
      next.push(Math.min((next[j] ?? 0) + 1, (row[j + 1] ?? 0) + 1, (row[j] ?? 0) + (letter === against ? 0 : 1)))
    row = next
  }
  return (row.at(-1) ?? 0) <= edits
}

/** Compares as both engines sort: texts by their bytes, what is absent last, the id at the end. */
export function compare(sort: Sort[]): (one: StoredRecord, other: StoredRecord) => number {
  const keys = sortKeys(sort)
  return (one, other) => {
    for (const { field, descending } of keys) {
      const [a, b] = [one[field] ?? null, other[field] ?? null]
      if (a === b) continue
      if (a === null) return 1
      if (b === null) return -1
      const order =
        typeof a === 'string' && typeof b === 'string' ? Buffer.compare(Buffer.from(a), Buffer.from(b)) : a < b ? -1 : 1
      return descending ? -order : order
    }
    return 0
  }
}
