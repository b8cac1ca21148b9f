import { editsOf } from './query.ts'

/** How many letters must be changed, added or left out to make one text of the other (Levenshtein). */
export function editsBetween(one: string, other: string): number {
  const [a, b] = [[...one], [...other]]
  let row = Array.from({ length: b.length + 1 }, (_, at) => at)
  for (const [i, letter] of a.entries()) {
    const next = [i + 1]
    for (const [j, against] of b.entries())
      next.push(Math.min((next[j] ?? 0) + 1, (row[j + 1] ?? 0) + 1, (row[j] ?? 0) + (letter === against ? 0 : 1)))
    row = next
  }
  return row[b.length] ?? 0
}

/** Whether a word can be another one misspelt: as few letters away as `editsOf` it allows, the first one right. */
export function isNear(word: string, other: string): boolean {
  const edits = editsOf(word)
  if (word.codePointAt(0) !== other.codePointAt(0) || Math.abs(word.length - other.length) > 2 * edits) return false
  return editsBetween(word, other) <= edits
}
