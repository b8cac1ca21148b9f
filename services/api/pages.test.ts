import { searchRecords } from '@ordermill/database'
import { type Condition, foldWords, orders, type Query, type TextCondition } from '@ordermill/model'
import { compare, foldOnce, matches } from '@ordermill/model/testing/query'
import { type Searcher, simpleQuery } from '@ordermill/search'
import { apiMetrics, createLogger, createRegistry } from '@ordermill/telemetry'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { openEngines } from '../testing-engines.ts'
import { loadOrders, madeOrders, realOrders } from './made-orders.ts'
import { madeQueries } from './made-queries.ts'
import { createSeal } from './seal.ts'
import { createSearch, createSearchBreaker } from './searching.ts'
import { createWalk } from './walking.ts'

// Whole results, page by page in every way there is, from both engines and from a filter over the records in memory.
const stores = await openEngines(t)
const { database, searcher, seed, source } = stores
const real = realOrders(1_500, source)
const fold = foldOnce()
const records = await loadOrders([...real, ...madeOrders(500, source)], stores)
const seal = createSeal(Buffer.from('a key'))
const metrics = apiMetrics(createRegistry('test'), [])
const log = createLogger({ service: 'api', level: 'silent' })
const lag = async () => ({ changes: 0, seconds: 0 })

function walkOf(asked: Searcher | undefined) {
  const lags = { elasticsearch: lag, postgres: lag }
  const parts = {
    collection: orders,
    database,
    searcher: asked,
    lags,
    lagMax_s: 60,
    timeout_ms: 10_000,
    slow_ms: 0,
    breaker: createSearchBreaker(),
    metrics,
    log,
  }
  return createWalk({ collection: orders, search: createSearch(parts), seal, letGo: (id) => void searcher.close(id) })
}
const walks = { elasticsearch: walkOf(searcher), postgres: walkOf(undefined) }
type Ask = (page: number, last: { id: string; sort: Query['after'] } | undefined) => Promise<{ ids: string[]; last: { id: string; sort: Query['after'] } | undefined }> // biome-ignore format: one line

/** Asks for pages until one is empty. */
async function all(ask: Ask): Promise<string[]> {
  const ids: string[] = []
  let last: { id: string; sort: Query['after'] } | undefined
  for (let page = 0; page < 500; page += 1) {
    const found = await ask(page, last)
    ids.push(...found.ids)
    if (found.last === undefined) return ids
    last = found.last
  }
  throw new Error('no end')
}

async function compared(t: Test, who: keyof typeof walks, query: Query, expected: string[]) {
  const one = (asked: Query) =>
    who === 'elasticsearch' ? searcher.query(asked) : searchRecords(database, orders, asked, { timeout_ms: 10_000 })
  const paged = async (asked: Query) => {
    const { hits } = await one(asked)
    return { ids: hits.map(({ id }) => id), last: hits.at(-1) }
  }
  const cursors = (first: true | undefined): Ask => {
    let cursor: true | string | undefined = first
    return async () => {
      const { hits, next_cursor, engine: answered } = await walks[who]({ query, cursor }, 'test')
      if (answered !== who) throw new Error(`answered by ${answered}`)
      cursor = next_cursor
      return { ids: hits.map(({ id }) => id), last: next_cursor === undefined ? undefined : hits.at(-1) }
    }
  }
  const ways: Record<string, Ask> = {
    cursor: cursors(undefined),
    'cursor: true': cursors(true),
    search_after: (_, last) => paged({ ...query, ...(last?.sort && { after: last.sort }) }),
    page: (page) => paged({ ...query, from: page * query.size }),
  }
  for (const [way, ask] of Object.entries(ways)) {
    const ids = await all(ask)
    if (JSON.stringify(ids) !== JSON.stringify(expected))
      t.same(ids, expected, `${who}, by ${way}: ${JSON.stringify(query)}`)
  }
}

t.test(
  '60 generated queries, walked to their end by cursor, search_after and page, give what a filter gives',
  async (t) => {
    let pages = 0
    const optional = fc.constantFrom('customer_id', 'reference')
    const made = fc
      .tuple(madeQueries(records), optional, fc.boolean(), fc.nat(2))
      .map(([query, field, descending, at]) => {
        const others = query.sort.filter((one) => one.field !== field && one.field !== 'id')
        return { ...query, from: 0, sort: others.toSpliced(Math.min(at, others.length), 0, { field, descending }) }
      })
    for (const query of fc.sample(made, { seed, numRuns: 60 })) {
      const expected = records.filter((one) => matches(one, query.where, fold)).sort(compare(query.sort)).map(({ id }) => id) // biome-ignore format: one line
      const size = Math.max(7, Math.ceil(expected.length / 6))
      pages += Math.ceil(expected.length / size)
      for (const who of ['elasticsearch', 'postgres'] as const) await compared(t, who, { ...query, size }, expected)
    }
    t.ok(pages > 100, `${pages} pages`)
  },
)

t.test('by relevance a walk to the end finds every order once, in the order of one page', async (t) => {
  for (const where of rankings(12))
    for (const who of ['elasticsearch', 'postgres'] as const) {
      const query: Query = { where, sort: [], from: 0, size: 1_000 }
      const whole = (await walks[who]({ query, cursor: undefined }, 'test')).hits.map(({ id }) => id)
      const size = Math.max(3, Math.ceil(whole.length / 5))
      for (const first of [true, undefined] as const) {
        let cursor: true | string | undefined = first
        const ids = await all(async () => {
          const page = await walks[who]({ query: { ...query, size }, cursor }, 'test')
          cursor = page.next_cursor
          return { ids: page.hits.map(({ id }) => id), last: cursor === undefined ? undefined : page.hits.at(-1) }
        })
        t.same(ids.slice(0, 1_000), whole, JSON.stringify(where))
        t.equal(new Set(ids).size, ids.length)
      }
    }
})

t.test('by relevance the engines agree on most of the ten best', async (t) => {
  const overlaps: Record<string, number[]> = {}
  for (const where of rankings(200)) {
    const query: Query = { where, sort: [], from: 0, size: 10 }
    const [one, other] = await Promise.all([
      searcher.query(query),
      searchRecords(database, orders, query, { timeout_ms: 10_000 }),
    ])
    if (one.hits.length === 0) continue
    const best = new Set(one.hits.map(({ id }) => id))
    const kind = where.kind === 'text' ? `${where.fuzzy ? 'fuzzy' : where.how}${where.any ? ' or' : ''}` : 'box'
    const share = other.hits.filter(({ id }) => best.has(id)).length / best.size
    overlaps[kind] = [...(overlaps[kind] ?? []), share]
  }
  const mean = (of: number[]) => of.reduce((sum, one) => sum + one, 0) / of.length
  const shown = Object.entries(overlaps).map(([kind, of]) => `${kind} ${(100 * mean(of)).toFixed(0)} %`)
  const overall = mean(Object.values(overlaps).flat())
  t.comment(`of the ten best by relevance both engines name ${(100 * overall).toFixed(1)} %: ${shown.join(', ')}`)
  t.ok(overall > 0.9, `${overall}`)
})

/** What people type, by what real orders are called: as texts of every kind, and into one box. */
function rankings(numRuns: number): Condition[] {
  const names = real.map(({ product_name }) => foldWords(String(product_name))).filter(({ length }) => length > 0)
  const some = fc
    .tuple(fc.constantFrom(...names), fc.nat(9), fc.integer({ min: 1, max: 3 }))
    .map(([words, start, count]) => words.slice(start % words.length).slice(0, count))
  const text = (words: string[], more: Partial<TextCondition>): Condition => ({ kind: 'text', field: 'product_name', how: 'shuffle', words, slop: 0, any: false, fuzzy: false, ...more }) // biome-ignore format: one line
  const kinds: ((words: string[]) => Condition)[] = [
    (words) => text(words, {}),
    (words) => text(words, { any: true }),
    (words) => text(words, { fuzzy: true }),
    (words) => text(words, { how: 'exact' }),
    (words) => text(words.map((word) => word.slice(0, 3)), { how: 'prefix' }),
    (words) => simpleQuery(orders, words.join(' ')) ?? text(words, {}),
  ] // biome-ignore format: table
  const made = fc.tuple(fc.constantFrom(...kinds), some).map(([kind, words]) => kind(words))
  return fc.sample(made, { seed, numRuns })
}
