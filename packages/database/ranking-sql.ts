import type { Condition, SortValue, TextCondition } from '@ordermill/model'
import { conditionSql, type Scope } from './query-sql.ts'
import { type EqualCondition, isNever, join, not, rankedLeaves, rewrite, textField } from './query-tree.ts'
import { textsTable } from './search-tables.ts'
import { equalScore, scoreSql, textSql } from './text-sql.ts'

/** Whole values beside texts that hits are told apart by: more than this many at once are not. */
const boostedMax = 2

interface Ranking {
  scope: Scope
  /** What a row `t` comes from, and that it is not deleted. */
  from: string
  condition: Condition
  /** The same as it was asked for: every text of it that must match says something, whatever else was simplified. */
  asked: Condition
  /** How many of the best are wanted. */
  count: number
  /** Only what comes after a hit with this score and id. */
  after: SortValue[] | undefined
}

/** Rows after a position, by the SQL of their score. */
function beyond({ scope, after }: Ranking, score: string): string {
  if (after === undefined) return 'true'
  const [last, id] = after.map((value) => scope.bind(value))
  // Told apart, the first half of it spares the records of texts that come before.
  return `${score} <= ${last}::float8 AND (${score} < ${last}::float8 OR t.id > ${id}::uuid)`
}

/**
 * SQL of the best hits, `id` and `score`. Texts are ranked, not records: those of the best text come first, and no more of them are
 * looked at than are wanted, however many match.
 */
export function rankedSql(ranking: Ranking): string {
  const { boosted } = rankedLeaves(ranking.condition)
  const { texts } = rankedLeaves(ranking.asked)
  const fields = new Set(texts.map(({ field }) => field))
  if (fields.size > 1 || boosted.length > boostedMax) return scoredSql(ranking, texts, boosted)
  const parts = assignments(ranking.condition, boosted).flatMap(({ condition, boost }) => [
    ...bestTextsSql(ranking, { condition, boost, texts }),
    ...withoutTextSql(ranking, { condition, boost, texts }),
  ])
  if (parts.length === 0) return 'SELECT NULL::uuid AS id, 0 AS score WHERE false'
  return parts.map((sql) => `(${sql})`).join(' UNION ALL ')
}

interface Assigned {
  condition: Condition
  /** What the whole values that match say. */
  boost: number
}

/** Every way in which whole values may match or not: rows of one have the same from them. */
function assignments(condition: Condition, [first, ...rest]: EqualCondition[]): Assigned[] {
  if (first === undefined) return [{ condition, boost: 0 }]
  const { boost = 0, ...plain } = first
  const assumed = (holds: boolean) => rewrite(condition, (leaf) => (leaf === first ? holds : leaf))
  const yes = assignments(join('all', [assumed(true), plain]), rest)
  const no = assignments(join('all', [assumed(false), not(plain)]), rest)
  return [...yes.map((one) => ({ ...one, boost: one.boost + boost })), ...no].filter((one) => !isNever(one.condition))
}

type Part = Assigned & { texts: TextCondition[] }

/** Records whose text says something, the best texts first. */
function bestTextsSql(ranking: Ranking, { condition, boost, texts }: Part): string[] {
  const [first] = texts
  if (first === undefined) return []
  const { field } = first
  const { scope, from, count } = ranking
  const { collection, expansions, bind } = scope
  const parts = condition.kind === 'all' ? condition.of : [condition]
  const ofText = [...parts.filter((part) => textField(part) === field), join('any', texts)]
  const ofRow = join(
    'all',
    parts.filter((part) => textField(part) !== field),
  )
  const equal = equalScore(texts)
  if (equal !== undefined) {
    // No text is better than another: by id alone, an index ends the search as soon as there are enough.
    const where = conditionSql(scope, join('all', [condition, ...texts]))
    const score = `${bind(equal + boost)}::float8`
    return [
      `SELECT t.id, ${score} AS score FROM ${from} AND ${where} AND ${beyond(ranking, score)} ORDER BY t.id LIMIT ${count}`,
    ]
  }
  const ranked = `SELECT d.id, ${scoreSql(texts, expansions, bind)} AS score FROM ${textsTable(collection)} d
    WHERE ${ofText.map((part) => textSql(part, expansions, bind)).join(' AND ')} ORDER BY 2 DESC OFFSET 0`
  const score = `(best.score + ${bind(boost)}::float8)`
  return [
    `SELECT t.id, ${score} AS score FROM (${ranked}) best
      CROSS JOIN LATERAL (SELECT t.id FROM ${from} AND t.${field} = best.id AND ${conditionSql(scope, ofRow)}) t
      WHERE ${beyond(ranking, score)} ORDER BY best.score DESC, t.id LIMIT ${count}`,
  ]
}

/** Records that are found though their text says nothing. */
function withoutTextSql(ranking: Ranking, { condition, boost, texts }: Part): string[] {
  const rest = rewrite(condition, (leaf, ranked) => (ranked && leaf.kind === 'text' ? false : leaf))
  if (isNever(rest)) return []
  const { scope, from, count } = ranking
  const where = join('all', [rest, not(join('any', texts))])
  const score = `${scope.bind(boost)}::float8`
  return [
    `SELECT t.id, ${score} AS score FROM ${from} AND ${conditionSql(scope, where)} AND ${beyond(ranking, score)} ORDER BY t.id LIMIT ${count}`,
  ]
}

/** The same without any of that: every record that is found gets its score. */
function scoredSql(ranking: Ranking, texts: TextCondition[], boosted: EqualCondition[]): string {
  const { scope, from, condition, count } = ranking
  const { collection, expansions, bind } = scope
  const ofTexts = [...new Set(texts.map(({ field }) => field))].map((field) => {
    const leaves = texts.filter((leaf) => leaf.field === field)
    return `coalesce((SELECT ${scoreSql(leaves, expansions, bind)} FROM ${textsTable(collection)} d WHERE d.id = t.${field}), 0)`
  })
  const ofValues = boosted.map(({ boost = 0, ...plain }) => {
    return `CASE WHEN ${conditionSql(scope, plain)} THEN ${bind(boost)}::float8 ELSE 0 END`
  })
  const score = [...ofTexts, ...ofValues].join(' + ')
  const all = `SELECT t.id, ${score} AS score FROM ${from} AND ${conditionSql(scope, condition)} OFFSET 0`
  return `SELECT t.id, t.score FROM (${all}) t WHERE ${beyond(ranking, 't.score')} ORDER BY t.score DESC, t.id LIMIT ${count}`
}
