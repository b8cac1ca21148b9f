import { type Condition, editsOf, type TextCondition } from '@ordermill/model'
import type { Session } from './database.ts'
import { rewrite } from './query-tree.ts'

/** What a statement is given besides its text: everything that anybody typed. */
export type Bind = (value: unknown) => string

/** The words there are that are near a misspelt one; undefined where they are too many to name. */
export type Expansions = (word: string) => string[] | undefined

/** More words than this are not named: then each text is looked at. Nothing is cut off in either case. */
const expansionsMax = 500

/** Looks up what the misspelt words of a query may mean. `words` is the table of those there are. */
export async function expand(session: Session, words: string, condition: Condition): Promise<Expansions> {
  const wanted = new Set<string>()
  rewrite(condition, (leaf) => {
    if (leaf.kind === 'text' && leaf.how === 'shuffle' && leaf.fuzzy) for (const word of leaf.words) wanted.add(word)
    return leaf
  })
  const found = new Map<string, string[]>()
  const misspelt = [...wanted].filter((word) => editsOf(word) > 0 || !found.set(word, [word]))
  if (misspelt.length === 0) return (word) => found.get(word)
  const values: unknown[] = []
  const bind = (value: unknown) => `$${values.push(value)}`
  const each = misspelt.map((word) => {
    const edits = editsOf(word)
    const letters = [...word]
    const near = `word LIKE ${bind(`${letters[0]}%`)} AND length(word) BETWEEN ${letters.length - edits} AND ${letters.length + edits}
      AND levenshtein_less_equal(word, ${bind(word)}, ${edits}) <= ${edits}`
    return `SELECT ${bind(word)}::text AS word, array(SELECT word::text FROM ${words} WHERE ${near} LIMIT ${expansionsMax + 1}) AS near`
  })
  for (const { word, near } of await session.query<{ word: string; near: string[] }>({
    text: each.join(' UNION ALL '),
    values,
  }))
    if (near.length <= expansionsMax) found.set(word, near)
  return (word) => found.get(word)
}

/** A condition about one text as SQL over a row `d` of the different texts. Words are letters and digits alone: none means anything in a pattern. */
export function textSql(condition: Condition, expansions: Expansions, bind: Bind): string {
  if (condition.kind === 'text') return `(${leafSql(condition, expansions, bind)})`
  if (condition.kind !== 'all' && condition.kind !== 'any') throw new Error(`${condition.kind} is not about a text`)
  const parts = condition.of.map((one) => textSql(one, expansions, bind))
  return `(${parts.join(condition.kind === 'all' ? ' AND ' : ' OR ')})`
}

function leafSql({ how, words, slop, any, fuzzy }: TextCondition, expansions: Expansions, bind: Bind): string {
  const hasAll = (all: string[]) => `d.words @> ${bind(all)}::text[]`
  const hasOne = (all: string[]) => `d.words && ${bind(all)}::text[]`
  const like = (pattern: string) => `d.folded LIKE ${bind(pattern)}`
  switch (how) {
    case 'exact': {
      if (words.length === 1) return hasAll(words)
      if (slop === 0) return `${hasAll(words)} AND ${like(`% ${words.join(' ')} %`)}`
      return `${hasAll(words)} AND phrase_within(d.folded, ${bind(words)}::text[], ${bind(slop)}::integer)`
    }
    case 'substring':
      return like(`%${words.join(' ')}%`)
    case 'prefix':
      return words.map((word) => like(`% ${word}%`)).join(any ? ' OR ' : ' AND ')
    case 'shuffle': {
      if (!fuzzy) return any ? hasOne(words) : hasAll(words)
      const named = words.map((word) => ({ word, near: expansions(word) }))
      const wide = named.filter(({ near }) => near === undefined)
      const slow = wide.map(({ word }) => `word_near(d.folded, ${bind(word)}, ${bind(editsOf(word))}::integer)`)
      const lists = named.flatMap(({ near }) => (near === undefined ? [] : [near]))
      if (!any) return [...lists.map(hasOne), ...slow].join(' AND ')
      return [...(lists.length === 0 ? [] : [hasOne(lists.flat())]), ...slow].join(' OR ')
    }
  }
}

/**
 * How well a text fits, as the search engine would say it: each word that was asked for says as much as the text is short, counted
 * in words; beginnings, misspelt words and characters within say the same of any text. The one rule of relevance in Postgres.
 */
export const scoreSql = (leaves: TextCondition[], expansions: Expansions, bind: Bind): string =>
  leaves
    .flatMap(eachAlone)
    .map((leaf) => {
      const says = `${bind((leaf.boost ?? 1) * leaf.words.length)}::float8`
      const score = standsForOthers(leaf)
        ? says
        : `round(${says} * ${2 * grain} / (1 + ${wordsIn('d.folded')})) / ${grain}`
      return `CASE WHEN ${textSql(leaf, expansions, bind)} THEN ${score} ELSE 0 END`
    })
    .join(' + ')

const standsForOthers = ({ how, fuzzy }: TextCondition) =>
  how === 'prefix' || how === 'substring' || (how === 'shuffle' && fuzzy)

/** What all texts score that match, if it is the same for each of them. */
export function equalScore(leaves: TextCondition[]): number | undefined {
  const [only, ...more] = leaves.flatMap(eachAlone)
  return only !== undefined && more.length === 0 && standsForOthers(only)
    ? (only.boost ?? 1) * only.words.length
    : undefined
}

/** Scores are whole multiples of this part of one: sums of them are exact, and equal whatever they are added up from. */
const grain = 2 ** 20

/** Where any one of the words is enough, each that is there says something. */
const eachAlone = (leaf: TextCondition): TextCondition[] =>
  leaf.any && (leaf.how === 'shuffle' || leaf.how === 'prefix')
    ? leaf.words.map((word) => ({ ...leaf, words: [word], any: false }))
    : [leaf]

/** How many words a folded text has: there is a space before each, and one behind the last. */
const wordsIn = (folded: string) => `(length(${folded}) - length(replace(${folded}, ' ', '')) - 1)`
