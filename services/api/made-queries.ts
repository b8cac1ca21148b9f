import { type Condition, editsOf, foldWords, type Query, type Sort, type StoredRecord } from '@ordermill/model'
import fc, { type Arbitrary } from 'fast-check'

/** Queries that ask for what some of these records have. */
export function madeQueries(records: StoredRecord[]): Arbitrary<Query> {
  const sort = fc
    .uniqueArray(fc.constantFrom('amount', 'quantity', 'placed_at', 'status', 'customer_id', 'currency', 'id'), {
      minLength: 1,
      maxLength: 3,
    })
    .chain((fields) =>
      fc.tuple(...fields.map((field) => fc.record({ field: fc.constant(field), descending: fc.boolean() }))),
    )
  return fc.record({
    where: madeConditions(records),
    sort: sort as Arbitrary<Sort[]>,
    from: fc.constantFrom(0, 0, 0, 5, 50),
    size: fc.constantFrom(1, 10, 100),
  })
}

export function madeConditions(records: StoredRecord[], depth = 2): Arbitrary<Condition> {
  const leaves = fc.oneof(
    { weight: 6, arbitrary: textCondition(records) },
    { weight: 1, arbitrary: equalCondition(records) },
    { weight: 1, arbitrary: rangeCondition(records) },
  )
  if (depth === 0) return leaves
  const inner = madeConditions(records, depth - 1)
  return fc.oneof(
    { weight: 4, arbitrary: leaves },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constantFrom('all', 'any'),
        of: fc.array(inner, { minLength: 1, maxLength: 3 }),
      }) as Arbitrary<Condition>,
    },
    { weight: 1, arbitrary: inner.map((of): Condition => ({ kind: 'not', of })) },
  )
}

/** Words of a name, of several, or of none; whole, begun, misspelt. */
function textCondition(records: StoredRecord[]): Arbitrary<Condition> {
  const names = records.map(({ product_name }) => String(product_name))
  const words = [...new Set(names.flatMap(foldWords))]
  const some = fc
    .tuple(fc.constantFrom(...names), fc.nat(6), fc.integer({ min: 1, max: 4 }), fc.nat(3))
    .map(([name, start, count, skip]) => {
      const all = foldWords(name).slice(start % Math.max(1, foldWords(name).length))
      return [...all.slice(0, 1), ...all.slice(1 + skip, skip + count)].filter((word) => word !== '')
    })
  const mixed = fc.array(fc.constantFrom(...words), { minLength: 1, maxLength: 3 })
  const told = fc.oneof({ weight: 3, arbitrary: some }, { weight: 1, arbitrary: mixed }).filter((one) => one.length > 0)
  const damaged = fc.tuple(told, fc.nat(), fc.constantFrom('x', '', 'ee')).map(([all, at, by]) =>
    all.map((word) => {
      const where = 1 + (at % Math.max(1, word.length))
      return word.length < 3 ? word : word.slice(0, where) + by + word.slice(where + 1)
    }),
  )
  const base = { kind: 'text' as const, field: 'product_name', slop: 0, any: false, fuzzy: false }
  const substring = fc
    .tuple(fc.constantFrom(...names), fc.nat(20), fc.integer({ min: 3, max: 12 }))
    .map(([name, start, count]) => {
      const text = foldWords(name).join(' ')
      return foldWords(text.slice(start % Math.max(1, text.length - 3)).slice(0, count))
    })
  return fc.oneof(
    fc.record({ words: told, slop: fc.nat(4) }).map((one) => ({ ...base, how: 'exact' as const, ...one })),
    fc.record({ words: told, any: fc.boolean() }).map((one) => ({ ...base, how: 'shuffle' as const, ...one })),
    fc.record({ words: damaged, any: fc.boolean() }).map((one) => ({
      ...base,
      how: 'shuffle' as const,
      fuzzy: one.words.every((word) => editsOf(word) >= 0),
      ...one,
    })),
    substring
      .filter((one) => [...one.join(' ')].length >= 3)
      .map((one) => ({ ...base, how: 'substring' as const, words: one })),
    fc
      .record({ words: told, any: fc.boolean(), length: fc.integer({ min: 1, max: 12 }) })
      .map(({ length, words: all, any }) => ({
        ...base,
        how: 'prefix' as const,
        any,
        words: all.map((word) => [...word].slice(0, length).join('')),
      })),
  )
}

function equalCondition(records: StoredRecord[]): Arbitrary<Condition> {
  const values = (field: string) => fc.constantFrom(...new Set(records.map((one) => one[field])))
  return fc.constantFrom('status', 'customer_id', 'currency', 'reference', 'id').chain((field) =>
    fc.array(values(field), { minLength: 1, maxLength: 4 }).map(
      (all): Condition => ({
        kind: 'equal',
        field,
        values: all.filter((value) => typeof value === 'string'),
      }),
    ),
  )
}

function rangeCondition(records: StoredRecord[]): Arbitrary<Condition> {
  const one = fc.constantFrom('amount', 'quantity', 'placed_at', 'version').chain((field) =>
    fc.record({
      field: fc.constant(field),
      bounds: fc.array(fc.constantFrom(...records.map((record) => record[field] ?? 0)), { minLength: 2, maxLength: 2 }),
      lower: fc.constantFrom('gte', 'gt'),
      upper: fc.constantFrom('lte', 'lt', undefined),
    }),
  )
  return one.map(({ field, bounds, lower, upper }) => {
    const [low, high] = bounds.toSorted((a, b) => (a < b ? -1 : 1))
    return { kind: 'range', field, [lower]: low, ...(upper && { [upper]: high }) } as Condition
  })
}
