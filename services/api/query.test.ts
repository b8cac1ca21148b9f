import { searchRecords } from '@ordermill/database'
import { type Condition, orders, type Query } from '@ordermill/model'
import { compare, foldOnce, matches } from '@ordermill/model/testing/query'
import fc from 'fast-check'
import t from 'tap'
import { openEngines } from '../testing-engines.ts'
import { loadOrders, madeOrders, realOrders } from './made-orders.ts'
import { madeQueries } from './made-queries.ts'

// The same queries to Elasticsearch, to Postgres, and to a filter over the records in memory: the same ids in the same order.
const stores = await openEngines(t)
const { database, searcher, seed, source } = stores
const queries = 2_000
const bodies = [...realOrders(1_000, source), ...madeOrders(1_000, source)]
const fold = foldOnce()
const records = await loadOrders(bodies, stores)

// Beside facets Postgres looks for a page in the order of an index, as where more than 10,000 match: else it sorts all that match.
const facets: Query['facets'] = [{ kind: 'values', field: 'status', size: 1 }]

t.test('2,000 generated queries find the same orders in the same order, whoever is asked', async (t) => {
  const all = fc.sample(madeQueries(records), { seed, numRuns: queries })
  const found = { none: 0, some: 0 }
  const next = all.values()
  const ask = async () => {
    for (const one of next) {
      const expected = records.filter((record) => matches(record, one.where, fold)).sort(compare(one.sort))
      const page = expected.slice(one.from, one.from + one.size).map(({ id }) => id)
      const [elasticsearch, postgres, walked] = await Promise.all([
        searcher.query(one),
        searchRecords(database, orders, one, { timeout_ms: 10_000 }),
        searchRecords(database, orders, { ...one, facets }, { timeout_ms: 10_000 }),
      ])
      found[expected.length === 0 ? 'none' : 'some'] += 1
      for (const [who, answer] of Object.entries({ elasticsearch, postgres, walked })) {
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
        const inPostgres = page % 4 === 1 ? asked : { ...asked, facets }
        const answer =
          page % 2 === 0
            ? await searcher.query(asked)
            : await searchRecords(database, orders, inPostgres, { timeout_ms: 5_000 })
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
