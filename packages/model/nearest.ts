import { editsBetween } from './edits.ts'

/** The known name that is the fewest letters away, if it is near at all. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  if (name.length > 60) return undefined
  const ranked = known
    .map((one) => ({ one, edits: editsBetween(name.toLowerCase(), one) }))
    .sort((a, b) => a.edits - b.edits)
  const [best] = ranked
  return best !== undefined && best.edits <= Math.max(2, Math.floor(best.one.length / 3)) ? best.one : undefined
}

/** Which words there are, and the one that was meant. */
export function oneOf(words: readonly string[], value: unknown): string {
  const near = typeof value === 'string' ? nearest(value, words) : undefined
  return `must be one of ${words.join(', ')}${near === undefined ? '' : `: ${near}?`}`
}
