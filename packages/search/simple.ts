import { type Collection, type Condition, foldWords, searchableTexts, type TextSearch } from '@ordermill/model'
import { limits } from './limits.ts'

/** What a match of each kind says: whole phrases more than beginnings, those more than what is misspelt. */
const boosts = { exact: 4, prefix: 2, fuzzy: 1, substring: 0.5 }

/**
 * What somebody typed into one box: best of phrase, prefix, misspelt and substring in each text, or the whole of a keyword.
 * Undefined if there are too many words.
 */
export function simpleQuery(c: Collection, q: string): Condition | undefined {
  const words = foldWords(q)
  if (words.length > limits.words) return undefined
  const of: Condition[] = []
  const text = (field: string, how: TextSearch, boost: number, fuzzy = false) =>
    of.push({ kind: 'text', field, how, words, slop: 0, any: false, fuzzy, boost })
  for (const field of words.length === 0 ? [] : searchableTexts(c)) {
    const kinds = c.fields[field]?.search ?? []
    if (kinds.includes('phrase')) text(field, 'exact', boosts.exact)
    if (kinds.includes('prefix')) text(field, 'prefix', boosts.prefix)
    if (kinds.includes('fuzzy')) text(field, 'shuffle', boosts.fuzzy, true)
    if (kinds.includes('substring') && [...words.join(' ')].length >= 3) text(field, 'substring', boosts.substring)
  }
  if (!q.includes('\u0000') && q.isWellFormed())
    for (const field of c.fieldNames.filter((name) => c.fields[name]?.kind === 'keyword'))
      of.push({ kind: 'equal', field, values: [q], boost: boosts.exact })
  return { kind: 'any', of }
}
