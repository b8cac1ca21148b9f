import type { Condition, TextCondition } from '@ordermill/model'

// What can be said of a query before it becomes SQL.

export type EqualCondition = Extract<Condition, { kind: 'equal' }>

const always: Condition = { kind: 'all', of: [] }
const never: Condition = { kind: 'any', of: [] }
export const isAlways = (one: Condition): boolean => one.kind === 'all' && one.of.length === 0
export const isNever = (one: Condition): boolean => one.kind === 'any' && one.of.length === 0

/** The conjunction of these, or the disjunction, in as few words as possible. */
export function join(kind: 'all' | 'any', of: Condition[]): Condition {
  const [neutral, deciding] = kind === 'all' ? [isAlways, isNever] : [isNever, isAlways]
  const parts = of.flatMap((one) => (one.kind === kind ? one.of : [one])).filter((one) => !neutral(one))
  if (parts.some(deciding)) return kind === 'all' ? never : always
  const [only] = parts
  return parts.length === 1 && only !== undefined ? only : { kind, of: parts }
}

export const not = (of: Condition): Condition => (isAlways(of) ? never : isNever(of) ? always : { kind: 'not', of })

/** The same condition with some of its leaves replaced: what `replace` gives for one, true or false included. */
export function rewrite(
  one: Condition,
  replace: (leaf: Condition, ranked: boolean) => Condition | boolean,
  ranked = true,
): Condition {
  if (one.kind === 'all' || one.kind === 'any')
    return join(
      one.kind,
      one.of.map((part) => rewrite(part, replace, ranked)),
    )
  if (one.kind === 'not') return not(rewrite(one.of, replace, false))
  const made = replace(one, ranked)
  return made === true ? always : made === false ? never : made
}

/** The leaves that say something about relevance: not those that must not match. */
export function rankedLeaves(one: Condition): { texts: TextCondition[]; boosted: EqualCondition[] } {
  const texts: TextCondition[] = []
  const boosted: EqualCondition[] = []
  rewrite(one, (leaf, ranked) => {
    if (ranked && leaf.kind === 'text') texts.push(leaf)
    if (ranked && leaf.kind === 'equal' && leaf.boost !== undefined) boosted.push(leaf)
    return leaf
  })
  return { texts, boosted }
}

/** The field that a condition is about, if it is about one text alone: then it can be decided for each different text. */
export function textField(one: Condition): string | undefined {
  if (one.kind === 'text') return one.field
  if ((one.kind !== 'all' && one.kind !== 'any') || one.of.length === 0) return undefined
  const [first, ...rest] = one.of.map(textField)
  return rest.every((field) => field === first) ? first : undefined
}

/** Parts about one text each are put together, a field a part; the others stay as they are. */
export function byField(kind: 'all' | 'any', of: Condition[]): Condition[] {
  const groups = new Map<string, Condition[]>()
  const rest: Condition[] = []
  for (const part of of) {
    const field = textField(part)
    if (field === undefined) rest.push(part)
    else groups.set(field, [...(groups.get(field) ?? []), part])
  }
  return [...[...groups.values()].map((parts) => join(kind, parts)), ...rest]
}

/** More ways than this are not taken one by one. */
const waysMax = 8

/**
 * Conditions of which at most one holds for any record, and one of them exactly where the given one does. Each can be found by an
 * index of its own, where an OR of them all would have to look at every record.
 */
export function waysOf(one: Condition): Condition[] {
  const parts = one.kind === 'all' ? one.of : [one]
  const at = parts.findIndex(({ kind }) => kind === 'any')
  const choice = parts[at]
  if (choice?.kind !== 'any' || textField(choice) !== undefined) return [one]
  const isSelective = (part: Condition) =>
    part.kind === 'equal' || part.kind === 'range' || textField(part) !== undefined
  if (parts.some((part, other) => other !== at && isSelective(part))) return [one]
  const ways = byField('any', choice.of)
  if (ways.length > waysMax) return [one]
  const rest = parts.filter((_, other) => other !== at)
  return ways
    .map((way, index) => join('all', [way, ...rest, ...ways.slice(0, index).map(not)]))
    .filter((way) => !isNever(way))
}
