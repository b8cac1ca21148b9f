import {
  type Condition,
  collection,
  foldWords,
  keyword,
  orders,
  type Query,
  type StoredRecord,
  steps,
  type TextCondition,
  text,
} from '@ordermill/model'
import { firstOrder } from '@ordermill/model/testing'
import { matches } from '@ordermill/model/testing/query'
import fc, { type Arbitrary } from 'fast-check'
import t, { type Test } from 'tap'
import { createSql, createTextIndex, searchRecords } from './index.ts'
import { testDatabase } from './testing.ts'

const { database } = await testDatabase(t)
const words = ['red', 'green', 'lantern', 'lanterns', 'bag', 'b1', 'a', 'set', 'café', 'чай']
const name = fc.array(fc.constantFrom(...words), { minLength: 1, maxLength: 4 }).map((all) => all.join(' '))
const seed = 41

// What Postgres makes of relevance, said plainly: words that were asked for, more in a text of fewer words; and whole values.
function textScore(record: StoredRecord, one: TextCondition): number {
  if (!matches(record, one)) return 0
  const takesAny = one.how === 'shuffle' || one.how === 'prefix'
  if (one.any && takesAny && one.words.length > 1)
    return one.words.reduce((sum, word) => sum + textScore(record, { ...one, words: [word] }), 0)
  const says = (one.boost ?? 1) * one.words.length
  const standsForOthers = one.how === 'prefix' || one.how === 'substring' || (one.how === 'shuffle' && one.fuzzy)
  return standsForOthers
    ? says
    : Math.round((says * 2 ** 21) / (1 + foldWords(String(record[one.field])).length)) / 2 ** 20
}
function scoreOf(record: StoredRecord, condition: Condition): number {
  const texts: number[] = []
  const values: number[] = []
  const visit = (one: Condition) => {
    if (one.kind === 'all' || one.kind === 'any') one.of.forEach(visit)
    if (one.kind === 'text') texts.push(textScore(record, one))
    if (one.kind === 'equal' && one.boost !== undefined && matches(record, one)) values.push(one.boost)
  }
  visit(condition)
  return [...texts, ...values].reduce((sum, part) => sum + part, 0)
}

const textOn = (...fields: string[]): Arbitrary<Condition> =>
  fc.record({
    kind: fc.constant('text' as const),
    field: fc.constantFrom(...fields),
    how: fc.constantFrom('exact', 'shuffle', 'prefix', 'substring'),
    words: fc.array(fc.constantFrom(...words, 'lan', 'ant', 'lantren', 'rde'), { minLength: 1, maxLength: 2 }),
    slop: fc.nat(1),
    any: fc.boolean(),
    fuzzy: fc.boolean(),
    boost: fc.constantFrom(1, 0.5, 4),
  })
const equalOn = (field: string, values: string[]): Arbitrary<Condition> =>
  fc.record({
    kind: fc.constant('equal' as const),
    field: fc.constant(field),
    values: fc.uniqueArray(fc.constantFrom(...values), { minLength: 1, maxLength: 2 }),
    boost: fc.constantFrom(4, 2),
  })

/** Trees of these leaves, and the simple shapes that people ask for more often than others. */
function trees(leaf: Arbitrary<Condition>, depth = 2): Arbitrary<Condition> {
  if (depth === 0) return leaf
  const inner = trees(leaf, depth - 1)
  const group = fc.record({
    kind: fc.constantFrom('all' as const, 'any' as const),
    of: fc.array(inner, { minLength: 1, maxLength: 4 }),
  })
  return fc.oneof(
    leaf,
    group,
    group,
    inner.map((of): Condition => ({ kind: 'not', of })),
  )
}

/** Asks all of them, page by page, and compares with every record ranked in memory. */
async function compareAll(t: Test, c: Parameters<typeof searchRecords>[1], records: StoredRecord[], all: Condition[]) {
  let found = 0
  for (const where of all) {
    const expected = records
      .filter((record) => matches(record, where))
      .map((record) => ({ id: record.id, score: scoreOf(record, where) }))
      .sort((one, other) => other.score - one.score || (one.id < other.id ? -1 : 1))
    for (const [from, size] of [
      [0, 10],
      [10, 7],
      [0, 1_000],
    ] as const) {
      const query: Query = { where, sort: [], from, size }
      const { hits, total } = await searchRecords(database, c, query, { timeout_ms: 10_000 })
      const got = hits.map(({ id, score }) => ({ id, score: score?.toFixed(9) }))
      const wanted = expected.slice(from, from + size).map(({ id, score }) => ({ id, score: score.toFixed(9) }))
      if (JSON.stringify(got) !== JSON.stringify(wanted) || total.value !== expected.length) {
        t.same({ total: total.value, got }, { total: expected.length, got: wanted }, JSON.stringify(query))
        return
      }
    }
    if (expected.length > 0) found += 1
  }
  t.ok(found > all.length / 3, `${found} of ${all.length} found something`)
}

t.test(
  'the best come first and in the same order as if every record were ranked, whatever the tree of the query',
  async (t) => {
    const bodies = fc.sample(
      fc.record({
        product_name: name,
        amount: fc.integer({ min: 0, max: 5 }),
        customer_id: fc.constantFrom('red', 'c2', null),
        reference: fc.constantFrom('red', 'lantern', null),
      }),
      { seed, numRuns: 400 },
    )
    const made = bodies.map((body) => firstOrder({ ...body, currency: 'EUR' }))
    await createTextIndex(database, orders).write(
      made.map(({ id, text: json }, at) => ({ id, change_seq: at + 1, text: json })),
    )
    const leaf = fc.oneof(
      { weight: 4, arbitrary: textOn('product_name') },
      { weight: 1, arbitrary: equalOn('customer_id', ['red', 'c2', 'nobody']) },
      { weight: 1, arbitrary: equalOn('reference', ['red', 'lantern']) },
      {
        weight: 1,
        arbitrary: fc.nat(5).map((gte): Condition => ({ kind: 'range', field: 'amount', gte })),
      },
    )
    const all = fc.sample(trees(leaf), { seed, numRuns: 400 })
    await compareAll(t, orders, made.map(({ record }) => record), all) // biome-ignore format: one line
  },
)

t.test('so it is with several texts in a record, one of them absent', async (t) => {
  const fields = {
    title: text({ min: 1, max: 100, search: ['phrase', 'prefix', 'substring', 'fuzzy'] }),
    body: text({ min: 1, max: 100, optional: true, search: ['phrase', 'prefix', 'substring', 'fuzzy'] }),
    tag: keyword({ optional: true }),
  }
  const notes = collection('notes', { title: 'note', type: 'notes.v1', fields, status: steps({ open: [] }) })
  await database.query({ text: createSql(notes) })
  const at = '2026-01-01T00:00:00.000Z'
  const some = fc.record({ title: name, body: fc.option(name), tag: fc.constantFrom('red', 'x', null) })
  const records = fc.sample(some, { seed, numRuns: 200 }).map(
    (one, index): StoredRecord => ({
      id: `00000000-0000-7000-8000-${String((index * 7_919) % 1_000).padStart(12, '0')}`,
      version: 1,
      status: 'open',
      ...one,
      created_at: at,
      updated_at: at,
    }),
  )
  await createTextIndex(database, notes).write(
    records.map((record, index) => ({ id: record.id, change_seq: index + 1, text: JSON.stringify(record) })),
  )
  const leaf = fc.oneof(
    { weight: 4, arbitrary: textOn('title', 'body') },
    { weight: 1, arbitrary: equalOn('tag', ['red', 'x']) },
  )
  await compareAll(t, notes, records, fc.sample(trees(leaf), { seed, numRuns: 200 }))
})
