import { type Condition, editsOf, type TextCondition } from '@ordermill/model'
import type { Session } from './database.ts'
import { rewrite } from './query-tree.ts'

/** What a statement is given besides its text: everything that anybody typed. */
export type Bind = (value: unknown) => string

/** The words there are for what was begun or misspelt; undefined where they are too many to name. */
export type Expansions = (how: 'prefix' | 'fuzzy', word: string) => string[] | undefined

/** More words than this are not named: then each text is looked at. Nothing is cut off in either case. */
const expansionsMax = 4_000

/** Looks up the words that a query means by what is begun or misspelt in it. `words` is the table of those there are. */
export async function expand(session: Session, words: string, condition: Condition): Promise<Expansions> {
  const wanted = new Map<string, { how: 'prefix' | 'fuzzy'; word: string }>()
  rewrite(condition, (leaf) => {
    if (leaf.kind !== 'text') return leaf
    const how = leaf.how === 'prefix' ? 'prefix' : leaf.how === 'shuffle' && leaf.fuzzy ? 'fuzzy' : undefined
    if (how !== undefined) for (const word of leaf.words) wanted.set(`${how} ${word}`, { how, word })
    return leaf
  })
  if (wanted.size === 0) return () => undefined
  const values: unknown[] = []
  const bind = (value: unknown) => `$${values.push(value)}`
  const each = [...wanted].map(([key, { how, word }]) => {
    const edits = editsOf(word)
    const { length } = [...word]
    const near =
      how === 'prefix'
        ? `word LIKE ${bind(`${word}%`)}`
        : edits === 0
          ? `word = ${bind(word)}`
          : `word LIKE ${bind(`${[...word][0]}%`)} AND length(word) BETWEEN ${bind(length - edits)} AND ${bind(length + edits)}
             AND levenshtein_less_equal(word, ${bind(word)}, ${bind(edits)}::integer) <= ${edits}`
    return `SELECT ${bind(key)} AS key, array(SELECT word::text FROM ${words} WHERE ${near} LIMIT ${expansionsMax + 1}) AS words`
  })
  const rows = await session.query<{ key: string; words: string[] }>({ text: each.join(' UNION ALL '), values })
  const found = new Map(rows.map((row) => [row.key, row.words]))
  return (how, word) => {
    const all = found.get(`${how} ${word}`)
    return all === undefined || all.length > expansionsMax ? undefined : all
  }
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
    case 'shuffle':
    case 'prefix': {
      if (how === 'shuffle' && !fuzzy) return any ? hasOne(words) : hasAll(words)
      const named = words.map((word) => expansions(how === 'prefix' ? 'prefix' : 'fuzzy', word))
      const each = words.flatMap((word, at) => {
        const all = named[at]
        if (all !== undefined) return any ? [] : [hasOne(all)]
        if (how === 'prefix') return [like(`% ${word}%`)]
        return [`word_near(d.folded, ${bind(word)}, ${bind(editsOf(word))}::integer)`]
      })
      if (!any) return each.join(' AND ')
      const all = named.flatMap((one) => one ?? [])
      return [...(all.length > 0 || each.length === 0 ? [hasOne(all)] : []), ...each].join(' OR ')
    }
  }
}

/**
 * How well a text fits, as the search engine would say it: each word that was asked for says as much as the text is short, counted
 * in words; beginnings and misspelt words say the same of any text. The one rule of relevance in Postgres.
 */
export const scoreSql = (leaves: TextCondition[], expansions: Expansions, bind: Bind): string =>
  leaves
    .flatMap(eachAlone)
    .map((leaf) => {
      const says = `${bind((leaf.boost ?? 1) * leaf.words.length)}::float8`
      const standsForOthers = leaf.how === 'prefix' || (leaf.how === 'shuffle' && leaf.fuzzy)
      const score = standsForOthers ? says : `round(${says} * ${2 * grain} / (1 + ${wordsIn('d.folded')})) / ${grain}`
      return `CASE WHEN ${textSql(leaf, expansions, bind)} THEN ${score} ELSE 0 END`
    })
    .join(' + ')

/** Scores are whole multiples of this part of one: sums of them are exact, and equal whatever they are added up from. */
const grain = 2 ** 20

/** Where any one of the words is enough, each that is there says something. */
const eachAlone = (leaf: TextCondition): TextCondition[] =>
  leaf.any && (leaf.how === 'shuffle' || leaf.how === 'prefix')
    ? leaf.words.map((word) => ({ ...leaf, words: [word], any: false }))
    : [leaf]

/** How many words a folded text has: there is a space before each, and one behind the last. */
const wordsIn = (folded: string) => `(length(${folded}) - length(replace(${folded}, ' ', '')) - 1)`
