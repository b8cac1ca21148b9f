import { createReader, createSql, createTable, createTextIndex, searchRecords } from '@ordermill/database'
import {
  collection,
  firstVersion,
  integer,
  keyword,
  money,
  newId,
  parseRecord,
  readCreate,
  type Sort,
  steps,
  time,
} from '@ordermill/model'
import { compare } from '@ordermill/model/testing/query'
import { createIndexWriter, readQuery } from '@ordermill/search'
import fc from 'fast-check'
import t from 'tap'
import { openEngines } from '../testing-engines.ts'

// A collection in which a field of every kind may be absent, in both engines.
const things = collection('things', {
  title: 'thing',
  type: 'things.v1',
  fields: {
    name: keyword({ optional: true }),
    count: integer({ min: 0, optional: true }),
    price: money({ currencyField: 'currency', optional: true }),
    currency: keyword({ default: 'USD' }),
    seen_at: time({ optional: true }),
  },
  status: steps({ placed: ['gone'] }),
})
const { database, engine, definition, searcher, seed } = await openEngines(t, things)
const records = await load()

const sorts = fc
  .uniqueArray(fc.constantFrom('name', 'count', 'price', 'seen_at', 'created_at'), { minLength: 1, maxLength: 3 })
  .chain((fields) =>
    fc.tuple(...fields.map((field) => fc.record({ field: fc.constant(field), descending: fc.boolean() }))),
  )

t.test('page after page by search_after, what is absent comes last, whoever is asked for which page', async (t) => {
  let absent = 0
  for (const sort of fc.sample(sorts, { seed, numRuns: 60 }) as Sort[][]) {
    const order_by = sort.map(({ field, descending }) => ({ order_by: field, order_direction: descending ? 'desc' : 'asc' })) // biome-ignore format: one line
    const expected = [...records].sort(compare(sort)).map(({ id }) => id)
    const found: string[] = []
    let search_after: unknown
    do {
      // As clients do it: what an answer said is read again.
      const { query } = readQuery(things, { order_by, limit: 7, ...(search_after === undefined ? {} : { search_after }) }) // biome-ignore format: one line
      const [one, other] = await Promise.all([
        searcher.query(query),
        searchRecords(database, things, query, { timeout_ms: 5_000 }),
      ])
      t.same(one.hits, other.hits, JSON.stringify(query))
      found.push(...one.hits.map(({ id }) => id))
      search_after = one.hits.at(-1)?.sort
      if (one.hits.at(-1)?.sort.includes(null)) absent += 1
    } while (search_after !== undefined)
    t.same(found, expected, JSON.stringify(sort))
  }
  t.ok(absent > 60, `${absent} pages ended among absent values`)
})

t.test('null is no value of a field that is never absent', async (t) => {
  const query = { order_by: [{ order_by: 'created_at' }], search_after: [null, newId()] }
  t.throws(() => readQuery(things, query), { code: 'invalid' })
})

async function load() {
  await database.query({ text: createSql(things) })
  const maybe = <T>(...values: T[]) => fc.constantFrom(...values, null)
  const bodies = fc.sample(
    fc.record({
      name: maybe('a', 'B', 'é', '😀'),
      count: maybe(0, 1, 2_147_483_647),
      price: maybe(0, 0.01, 999_999_999_999.99),
      seen_at: maybe('0001-01-01T00:00:00Z', '2011-01-01T10:00:00.123Z', '9999-12-31T23:59:59.999Z'),
    }),
    { seed, numRuns: 60 },
  )
  const at = (index: number) => `2026-01-01T00:00:0${index % 10}.000Z`
  const made = bodies.map((body, index) =>
    firstVersion(things, { id: newId(), content: readCreate(things, body, at(index)), now: at(index) }),
  )
  const whenever = new AbortController().signal
  await createTable(database, things).apply(made.map((one) => [one]), whenever) // biome-ignore format: one line
  const changes = await createReader(database, things).changesAfter(0, 1_000)
  const writer = createIndexWriter(engine, definition)
  await writer.ensure()
  await writer.write(changes)
  await createTextIndex(database, things).write(changes)
  await engine.indices.refresh({ index: definition.alias })
  return made.map(({ text }) => parseRecord(things, text))
}
