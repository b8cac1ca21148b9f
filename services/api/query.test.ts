import { existsSync, readFileSync } from 'node:fs'
import { environment, readOptions } from '@ordermill/config'
import { createDatabase, createReader, createTable, createTextIndex, searchRecords } from '@ordermill/database'
import { type Condition, editsOf, foldWords, orders, type Query, type Sort, type StoredRecord } from '@ordermill/model'
import { deletedOrder, firstOrder } from '@ordermill/model/testing'
import { compare, matches } from '@ordermill/model/testing/query'
import { createIndexWriter, createSearchClient, createSearcher, indexDefinition } from '@ordermill/search'
import { corner } from '@ordermill/servers/testing'
import fc, { type Arbitrary } from 'fast-check'
import t from 'tap'

// The same queries to Elasticsearch, to Postgres, and to a filter over the records in memory: the same ids in the same order.
const machine = environment()
const { env, namespace } = await corner(t, machine)
const { ELASTICSEARCH_URL: urls, POSTGRES_DSN: dsn } = readOptions(env, ['ELASTICSEARCH_URL', 'POSTGRES_DSN'])
const database = createDatabase({ dsn, name: 'test', poolMax: 5, timeout_ms: 20_000, onLost: () => undefined })
t.teardown(() => database.stop())
const engine = createSearchClient({ urls, timeout_ms: 30_000 })
t.teardown(() => engine.close())
const definition = indexDefinition(orders, namespace)
const searcher = createSearcher(engine, orders, definition.alias)

const seed = Number(machine['GENERATED_SEED'] ?? 20_101_201)
const queries = 2_000
const records = await load([...real(1_000), ...made(1_000)])
const names = records.map(({ product_name }) => String(product_name))
const words = [...new Set(names.flatMap(foldWords))]

t.test('2,000 generated queries find the same orders in the same order, whoever is asked', async (t) => {
  const all = fc.sample(query(), { seed, numRuns: queries })
  const found = { none: 0, some: 0 }
  const next = all.values()
  const ask = async () => {
    for (const one of next) {
      const expected = records.filter((record) => matches(record, one.where)).sort(compare(one.sort))
      const page = expected.slice(one.from, one.from + one.size).map(({ id }) => id)
      const [elasticsearch, postgres] = await Promise.all([
        searcher.query(one),
        searchRecords(database, orders, one, { timeout_ms: 10_000 }),
      ])
      found[expected.length === 0 ? 'none' : 'some'] += 1
      for (const [who, answer] of Object.entries({ elasticsearch, postgres })) {
        const same =
          JSON.stringify(answer.hits.map(({ id }) => id)) === JSON.stringify(page) &&
          answer.total.value === expected.length
        if (!same) {
          const nameOf = (id: string) => records.find((record) => record.id === id)?.['product_name']
          t.same(
            { total: answer.total.value, names: answer.hits.map(({ id }) => nameOf(id)) },
            { total: expected.length, names: page.map(nameOf) },
            `${who} ${JSON.stringify(one)}`,
          )
        }
      }
    }
  }
  await Promise.all(Array.from({ length: 4 }, ask))
  t.ok(found.some > queries / 4, `${found.some} find something, ${found.none} nothing`)
})

t.test(
  'page after page by search_after gives every order once, from either engine and from both in turn',
  async (t) => {
    for (const sort of [[{ field: 'customer_id', descending: true }], [{ field: 'amount', descending: false }]]) {
      const expected = [...records].sort(compare(sort)).map(({ id }) => id)
      const ids: string[] = []
      let after: Query['after']
      for (let page = 0; page < 100; page += 1) {
        const asked: Query = { where: { kind: 'all', of: [] }, sort, from: 0, size: 97, ...(after && { after }) }
        const answer =
          page % 2 === 0
            ? await searcher.query(asked)
            : await searchRecords(database, orders, asked, { timeout_ms: 5_000 })
        ids.push(...answer.hits.map(({ id }) => id))
        after = answer.hits.at(-1)?.sort
        if (after === undefined) break
      }
      t.same(ids, expected)
    }
  },
)

t.test('by relevance both find the same orders, the nearest first', async (t) => {
  const where: Condition = { kind: 'text', field: 'product_name', how: 'shuffle', words: ['lantern'], slop: 0, any: false, fuzzy: false } // biome-ignore format: one line
  const asked: Query = { where, sort: [], from: 0, size: 1_000 }
  const ids = async (answer: ReturnType<typeof searcher.query>) =>
    (await answer).hits.map(({ id, score }) => {
      t.ok((score ?? 0) > 0)
      return id
    })
  const expected = records.filter((record) => matches(record, where)).map(({ id }) => id)
  t.ok(expected.length > 1)
  t.same((await ids(searcher.query(asked))).toSorted(), expected.toSorted())
  t.same((await ids(searchRecords(database, orders, asked, { timeout_ms: 5_000 }))).toSorted(), expected.toSorted())
})

function query(): Arbitrary<Query> {
  const sort = fc
    .uniqueArray(fc.constantFrom('amount', 'quantity', 'placed_at', 'status', 'customer_id', 'currency', 'id'), {
      minLength: 1,
      maxLength: 3,
    })
    .chain((fields) =>
      fc.tuple(...fields.map((field) => fc.record({ field: fc.constant(field), descending: fc.boolean() }))),
    )
  return fc.record({
    where: condition(2),
    sort: sort as Arbitrary<Sort[]>,
    from: fc.constantFrom(0, 0, 0, 5, 50),
    size: fc.constantFrom(1, 10, 100),
  })
}

function condition(depth: number): Arbitrary<Condition> {
  const leaves = fc.oneof(
    { weight: 6, arbitrary: textCondition() },
    { weight: 1, arbitrary: equalCondition() },
    { weight: 1, arbitrary: rangeCondition() },
  )
  if (depth === 0) return leaves
  const inner = condition(depth - 1)
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
function textCondition(): Arbitrary<Condition> {
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

function equalCondition(): Arbitrary<Condition> {
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

function rangeCondition(): Arbitrary<Condition> {
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

/** Real orders where there are some. */
function real(count: number): Record<string, unknown>[] {
  const file = `${machine['ORDERS_DATA'] ?? ''}/online_retail.orders.ndjson`
  if (!existsSync(file)) return made(count)
  return readFileSync(file, 'utf8').split('\n').slice(0, count).flatMap(parsed)
}
function parsed(line: string): Record<string, unknown>[] {
  try {
    return [JSON.parse(line) as Record<string, unknown>]
  } catch {
    return []
  }
}

/** Orders whose names share words, repeat them, and are written in many ways. */
function made(count: number): Record<string, unknown>[] {
  const word = fc.constantFrom(
    ..."RED RED Lantern LANTERN lanterns lantem set SET/3 T-LIGHT holder café Café CAFE Straße strasse Łódź 3 33 a of the x1 naïve ëa CHILDREN'S чай ЧАЙ чайник 茶道具 😀 Ω".split(
      ' ',
    ),
  )
  const order = fc.record({
    product_name: fc
      .array(word, { minLength: 1, maxLength: 7 })
      .chain((all) => fc.constantFrom(' ', '  ', ', ', '-', '/').map((between) => all.join(between))),
    amount: fc.integer({ min: 0, max: 3_000 }).map((cents) => cents / 100),
    quantity: fc.integer({ min: 1, max: 5 }),
    currency: fc.constantFrom('GBP', 'USD', 'EUR'),
    customer_id: fc.constantFrom('17850', 'a', 'B', 'é', '😀', 'zz', null),
    placed_at: fc.constantFrom(
      '2011-01-01T00:00:00Z',
      '2010-12-01T08:26:00Z',
      '0001-01-01T00:00:00Z',
      '9999-12-31T23:59:59.999Z',
    ),
  })
  return fc.sample(order, { seed, numRuns: count })
}

/** Persists, and feeds both indices as the followers do. Some are deleted again. */
async function load(bodies: Record<string, unknown>[]): Promise<StoredRecord[]> {
  const table = createTable(database, orders)
  const whenever = new AbortController().signal
  const made = bodies.flatMap((body) => {
    try {
      return [firstOrder(body)]
    } catch {
      return [] // some of the real ones are not valid
    }
  })
  const gone = made.filter((_, at) => at % 50 === 0)
  await table.apply(
    made.map((one) => [one]),
    whenever,
  )
  await table.apply(
    gone.map((one) => [deletedOrder(one)]),
    whenever,
  )
  const changes = await createReader(database, orders).changesAfter(0, 100_000)
  const writer = createIndexWriter(engine, definition)
  await writer.ensure()
  const results = await writer.write(changes)
  if (results.some(({ outcome }) => outcome !== 'done')) throw new Error('not all were indexed')
  await createTextIndex(database, orders).write(changes)
  await engine.indices.refresh({ index: definition.alias })
  return made.filter((one) => !gone.includes(one)).map(({ record }) => record)
}
