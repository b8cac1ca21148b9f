import { type Condition, isNear, type Piece, piecesOf, type TextCondition } from '@ordermill/model'

/** Marks what was found in a text: HTML, in which each word that was looked for stands in `<em>`. Undefined if there is none. */
export type Highlighter = (field: string, text: string) => string | undefined

/** A word of a text: which piece of it that is. */
interface Word {
  word: string
  piece: number
}
/** Gives the places, among these words, of those that a condition finds; none if it does not hold. */
type Finder = (words: Word[]) => number[]

/**
 * A highlighter for the texts that a query asks for; what it excludes marks nothing. Whole words are marked, those that hold a
 * beginning or a substring too. Everything else is the text itself, escaped for HTML: taking the tags away and unescaping gives it back.
 */
export function createHighlighter(where: Condition): Highlighter {
  const finders = new Map<string, Finder[]>()
  for (const condition of textsOf(where))
    finders.set(condition.field, [...(finders.get(condition.field) ?? []), finderOf(condition)])
  return (field, text) => {
    const found = finders.get(field)
    if (found === undefined) return undefined
    const pieces = piecesOf(text)
    const words = pieces.flatMap((one, piece) => one.words.map((word) => ({ word: plain(word), piece })))
    const marked = new Set(found.flatMap((find) => find(words).map((at) => words[at]?.piece ?? 0)))
    return marked.size === 0 ? undefined : markUp(text, pieces, marked)
  }
}

/** The text conditions that make a record fit, not those that keep one out. */
function textsOf(condition: Condition): TextCondition[] {
  if (condition.kind === 'all' || condition.kind === 'any') return condition.of.flatMap(textsOf)
  return condition.kind === 'text' ? [condition] : []
}

/** The letter that depends on what stands around its word: a piece is folded without that. */
const plain = (word: string): string => word.replaceAll('ς', 'σ')

function finderOf({ how, words: asked, slop, any, fuzzy }: TextCondition): Finder {
  const wanted = asked.map(plain)
  switch (how) {
    case 'exact':
      return (words) => phrases(words, wanted, slop)
    case 'substring':
      return (words) => substrings(words, wanted.join(' '))
    case 'prefix':
      return someOf(wanted, any, (one, word) => word.startsWith(one))
    case 'shuffle':
      return someOf(wanted, any, (one, word) => one === word || (fuzzy && isNear(one, word)))
  }
}

/** Words that fit one of those wanted; all of them must be there, unless any one is enough. */
function someOf(wanted: string[], any: boolean, fits: (one: string, word: string) => boolean): Finder {
  // Hits of one page share most of their words.
  const known = new Map<string, number[]>()
  const fitting = (word: string): number[] => {
    const before = known.get(word)
    if (before !== undefined) return before
    const now = wanted.flatMap((one, at) => (fits(one, word) ? [at] : []))
    known.set(word, now)
    return now
  }
  return (words) => {
    const all = words.map(({ word }) => fitting(word))
    if (!any && new Set(all.flat()).size < wanted.length) return []
    return all.flatMap((one, at) => (one.length > 0 ? [at] : []))
  }
}

/** The words of every place where these stand in this order, with at most so many others between them. */
function phrases(words: Word[], wanted: string[], slop: number): number[] {
  return words.flatMap(({ word }, start) => {
    if (word !== wanted[0]) return []
    const places = [start]
    for (const [done, one] of wanted.slice(1).entries()) {
      // The nearest one leaves the most room for those after it.
      const last = places.at(-1) ?? start
      const room = slop - (last - start - done)
      const skipped = words.slice(last + 1, last + 2 + room).findIndex((other) => other.word === one)
      if (skipped < 0) return []
      places.push(last + 1 + skipped)
    }
    return places
  })
}

/** The words that a run of characters lies in, wherever it does. */
function substrings(words: Word[], wanted: string): number[] {
  const whole = words.map(({ word }) => word).join(' ')
  const found: number[] = []
  let [at, start] = [0, 0]
  for (let from = whole.indexOf(wanted); from >= 0; from = whole.indexOf(wanted, from + 1)) {
    for (; at < words.length && start < from + wanted.length; at += 1) {
      const end = start + (words[at]?.word.length ?? 0)
      if (end > from) found.push(at)
      start = end + 1
    }
  }
  return found
}

const escapes: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
const escaped = (text: string): string => text.replace(/[&<>"']/g, (one) => escapes[one] ?? one)

function markUp(text: string, pieces: Piece[], marked: Set<number>): string {
  let html = ''
  let done = 0
  for (const [at, { start, end }] of pieces.entries()) {
    if (!marked.has(at)) continue
    html += `${escaped(text.slice(done, start))}<em>${escaped(text.slice(start, end))}</em>`
    done = end
  }
  return html + escaped(text.slice(done))
}
