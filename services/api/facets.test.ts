import { searchRecords } from '@ordermill/database'
import { bucketsMax, type Facet, facetCounts, orders, type Query } from '@ordermill/model'
import { countPlainly } from '@ordermill/model/testing/facets'
import { foldOnce, matches } from '@ordermill/model/testing/query'
import fc from 'fast-check'
import t from 'tap'
import { openEngines } from '../testing-engines.ts'
import { madeFacets } from './made-facets.ts'
import { loadOrders, madeOrders, realOrders } from './made-orders.ts'
import { madeConditions } from './made-queries.ts'

// The same facets to Elasticsearch, to Postgres, and counted one by one in memory: the same buckets in the same order.
const stores = await openEngines(t)
const { database, searcher, seed, source } = stores
const bodies = [...realOrders(1_000, source), ...madeOrders(1_000, source), ...manyDays(1_200)]
const fold = foldOnce()
const records = await loadOrders(bodies, stores)
const everything: Query = { where: { kind: 'all', of: [] }, sort: [], from: 0, size: 0, exact: true }
const whoever = {
  elasticsearch: (query: Query) => searcher.query(query),
  postgres: (query: Query) => searchRecords(database, orders, query, { timeout_ms: 10_000 }),
}

/** Orders on days of their own, through leap years and ends of years, at the first and the last moment of the day. */
function manyDays(count: number): Record<string, unknown>[] {
  const day_ms = 86_400_000
  return Array.from({ length: count }, (_, at) => ({
    product_name: 'CALENDAR',
    amount: at % 3 === 0 ? 999_999_999.99 - at : at * 1_000 + 0.01,
    placed_at: new Date(Date.UTC(1899, 11, 20) + at * 41 * day_ms + (at % 2 === 0 ? 0 : day_ms - 1)).toISOString(),
    reference: `${'aB.é'[at % 4]}${at % 7}`,
  }))
}

t.test('400 generated sets of facets are counted alike, whoever is asked, and so are all that match', async (t) => {
  const all = fc.sample(fc.tuple(madeConditions(records), madeFacets(records)), { seed, numRuns: 400 })
  const seen = { buckets: 0, other: 0, absent: 0, capped: 0 }
  const next = all.values()
  const ask = async () => {
    for (const [where, facets] of next) {
      const matching = records.filter((record) => matches(record, where, fold))
      const expected = facets.map((facet) => facetCounts(facet, countPlainly(matching, facet)))
      for (const { buckets, other, absent } of expected) {
        seen.buckets += buckets.filter(({ count }) => count > 0).length
        seen.other += other > 0 ? 1 : 0
        seen.absent += absent > 0 ? 1 : 0
        seen.capped += buckets.length === bucketsMax ? 1 : 0
      }
      for (const [who, count] of Object.entries(whoever)) {
        const found = await count({ ...everything, where, facets })
        const counted = facets.map((facet, at) => facetCounts(facet, found.facets?.[at] ?? none))
        const inWords = `${who} ${JSON.stringify({ where, facets })}`
        if (found.total.value !== matching.length) t.equal(found.total.value, matching.length, inWords)
        if (JSON.stringify(counted) !== JSON.stringify(expected)) t.same(counted, expected, inWords)
      }
    }
  }
  await Promise.all(Array.from({ length: 4 }, ask))
  t.ok(seen.buckets > 5_000 && seen.other > 100 && seen.absent > 50, JSON.stringify(seen))
})
const none = { buckets: [], present: 0, absent: 0 }

t.test(
  'a histogram of more than 1,000 buckets gives the latest days, or the lowest steps, and counts the rest',
  async (t) => {
    const facets: Facet[] = [
      { kind: 'interval', field: 'placed_at', interval: 'day' },
      { kind: 'step', field: 'amount', step: 1 },
    ]
    for (const [who, count] of Object.entries(whoever)) {
      const found = await count({ ...everything, facets })
      const [days, steps] = facets.map((facet, at) => facetCounts(facet, found.facets?.[at] ?? none))
      t.match(days, { buckets: { length: bucketsMax }, absent: 0 }, who)
      t.ok((days?.other ?? 0) > 0 && (steps?.other ?? 0) > 0, who)
      t.same(
        days?.buckets.at(-1),
        { gte: '9999-12-31T00:00:00.000Z', count: days?.buckets.at(-1)?.count },
        'nothing is after it',
      )
      t.match(steps, { buckets: { length: bucketsMax, 0: { gte: 0, lt: 1 } } }, who)
    }
  },
)

t.test('a page with facets has the hits and the total of the page without', async (t) => {
  const facets: Facet[] = [{ kind: 'values', field: 'currency', size: 10 }]
  const sort = [{ field: 'amount', descending: true }]
  for (const [who, ask] of Object.entries(whoever)) {
    const page: Query = { where: { kind: 'all', of: [] }, sort, from: 5, size: 3 }
    const { facets: counted, ...rest } = await ask({ ...page, facets })
    t.same(rest, await ask(page), who)
    t.equal(counted?.[0]?.present, records.length, 'of all that match, not of the page')
  }
})
