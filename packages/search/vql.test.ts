import { Invalid, orders } from '@ordermill/model'
import t from 'tap'
import { readQuery } from './index.ts'

const treeOf = (where: unknown) => readQuery(orders, { where }).query.where
const text = (more: object = {}) => ({ filter_key: 'product_name', text_value: 'Jumbo BAG', ...more })
const faultsOf = (body: unknown): string[] => {
  try {
    readQuery(orders, body)
    return []
  } catch (thrown) {
    if (!(thrown instanceof Invalid)) throw thrown
    return thrown.faults.map(({ pointer, detail }) => `${pointer} ${detail}`)
  }
}
const faultsIn = (where: unknown) => faultsOf({ where })

t.test('nothing asked for is everything, newest first, 25 a page', async (t) => {
  const everything = { kind: 'all', of: [] }
  const page = { sort: ['created_at', 'id'].map((field) => ({ field, descending: true })), from: 0, size: 25 }
  for (const body of [{}, { where: {} }]) t.same(readQuery(orders, body), { query: { where: everything, ...page }, columns: undefined, cursor: undefined, highlight: false }) // biome-ignore format: one line
})

t.test('texts for one field are alternatives, those for different groups must all hold, must_not none', async (t) => {
  const condition = { kind: 'text', field: 'product_name', how: 'shuffle', words: ['jumbo', 'bag'], slop: 0, any: false, fuzzy: false } // biome-ignore format: one line
  t.same(treeOf({ text_matches: { must: [text()] } }), condition)
  t.same(treeOf({ text_matches: { must: [text(), text({ search_type: 'exact', slop: 2 })] } }), {
    kind: 'any',
    of: [condition, { ...condition, how: 'exact', slop: 2 }],
  })
  t.same(
    treeOf({
      text_matches: { must: [text({ fuzzy: true, operator: 'or' })], must_not: [text(), text()] },
      keyword_match: { must: { status: ['placed', 'confirmed'], customer_id: '17175' } },
      range_query: { must_not: { amount: { gte: 10, lt: 100 } }, must: { placed_at: { gte: '2011-01-01' } } },
    }),
    {
      kind: 'all',
      of: [
        { ...condition, fuzzy: true, any: true },
        { kind: 'not', of: { kind: 'any', of: [condition, condition] } },
        { kind: 'equal', field: 'status', values: ['placed', 'confirmed'] },
        { kind: 'equal', field: 'customer_id', values: ['17175'] },
        { kind: 'range', field: 'placed_at', gte: '2011-01-01T00:00:00.000Z' },
        { kind: 'not', of: { kind: 'range', field: 'amount', gte: 10, lt: 100 } },
      ],
    },
  )
  const status = (value: string) => ({ keyword_match: { must: { status: value } } })
  t.match(treeOf({ any_of: [status('placed'), { any_of: [status('shipped'), {}] }] }), {
    kind: 'any',
    of: [{ kind: 'equal' }, { kind: 'any', of: [{ kind: 'equal' }, { kind: 'all', of: [] }] }],
  })
})

t.test('an unknown name is answered with the nearest known, at its place', async (t) => {
  const cases: [where: unknown, fault: RegExp][] = [
    [{ text_match: {} }, /^\/where\/text_match is unknown here: did you mean text_matches\?/],
    [{ keyword_match: { must: { statu: 'a' } } }, /^\/where\/keyword_match\/must\/statu .*did you mean status\?/],
    [{ text_matches: { must: [text({ filter_key: 'product' })] } }, /^\/where\/text_matches\/must\/0\/filter_key is unknown/],
    [{ text_matches: { must: [text({ search_type: 'exat' })] } }, /must\/0\/search_type must be one of .*: exact\?$/],
    [{ range_query: { must: { amount: { ge: 1 } } } }, /^\/where\/range_query\/must\/amount\/ge .*did you mean gt/],
    [{ keyword_match: { must: { __proto__x: 'a' } } }, /is unknown here/],
  ] // biome-ignore format: table
  for (const [where, fault] of cases) t.match(faultsIn(where).join('\n'), fault)
})

t.test('an operator that does not fit its field, or its kind of search, is refused', async (t) => {
  const cases: [where: unknown, fault: RegExp][] = [
    [{ keyword_match: { must: { product_name: 'a' } } }, /product_name is of kind text: it takes text_matches$/],
    [{ range_query: { must: { status: { gt: 1 } } } }, /status is of kind keyword: it takes keyword_match$/],
    [{ text_matches: { must: [text({ filter_key: 'amount' })] } }, /filter_key is of kind money: it takes range_query$/],
    [{ text_matches: { must: [text({ slop: 1 })] } }, /slop goes with exact, not with shuffle$/],
    [{ text_matches: { must: [text({ fuzzy: true, search_type: 'prefix' })] } }, /fuzzy goes with shuffle/],
    [{ text_matches: { must: [text({ text_value: 'ab', search_type: 'substring' })] } }, /three letters or digits/],
    [{ text_matches: { must: [text({ text_value: '***' })] } }, /must have a letter or a digit/],
  ] // biome-ignore format: table
  for (const [where, fault] of cases) t.match(faultsIn(where).join('\n'), fault)
})

t.test('what can be no value is refused before any engine sees it', async (t) => {
  const key = (value: unknown) => ({ keyword_match: { must: { customer_id: value } } })
  const time = (value: unknown) => ({ range_query: { must: { placed_at: { gte: value } } } })
  const amount = (value: unknown) => ({ range_query: { must: { amount: { gte: value } } } })
  for (const where of [key('\u0000'), key('\ud800'), key(''), key(1), key([]), key({ $ne: 1 }), key('x'.repeat(256))])
    t.equal(faultsIn(where).length, 1, JSON.stringify(where))
  for (const at of ['0000-01-01', '20000-01-01', '2011-02-30', '2011-13-01T00:00:00Z', 'now', 5, '9999-12-31T23:59:59-01:00']) // biome-ignore format: one line
    t.match(faultsIn(time(at)), [/must be a day or a time/], String(at))
  for (const number of ['1', Number.NaN, Number.POSITIVE_INFINITY, 1e16, null])
    t.equal(faultsIn(amount(number)).length, 1)
  t.match(faultsIn({ range_query: { must: { quantity: { gt: 1.5 } } } }), [/whole number/])
  t.match(faultsIn({ keyword_match: { must: { id: 'x' } } }), [/UUID/])
  for (const where of [null, [], 'a', { any_of: [] }, { text_matches: {} }, { range_query: { must: {} } }, { range_query: { must: { amount: {} } } }]) // biome-ignore format: one line
    t.equal(faultsIn(where).length, 1, JSON.stringify(where))
})

t.test('limits are counted before anything runs', async (t) => {
  const nested = (depth: number): unknown => (depth === 0 ? {} : { any_of: [nested(depth - 1)] })
  t.same(faultsIn(nested(5)), [])
  t.match(faultsIn(nested(6)), [/nested deeper than 5/])
  const many = (count: number) => ({ text_matches: { must: Array.from({ length: count }, () => text()) } })
  t.match(faultsIn(many(10_000)), [/list of 1 to 100/])
  t.match(faultsIn({ any_of: [many(60), many(41)] }), [/no more than 100 conditions and groups, not 103/])
  t.match(faultsIn({ text_matches: { must: [text({ text_value: 'a '.repeat(33) })] } }), [/no more than 32 words/])
  t.match(faultsOf({ page: 11, limit: 1_000 }), [/^\/page times limit must not be above 10000: go on with cursor/])
  t.match(faultsOf({ limit: 1_001 }), [/^\/limit must be a whole number from 1 to 1000/])
})

t.test('search_after takes the sort values of a hit, and nothing else', async (t) => {
  const id = '0199a8f0-0000-7000-8000-000000000001'
  const order_by = [{ order_by: 'placed_at' }, { order_by: 'customer_id', order_direction: 'desc' }]
  const after = ['2011-01-01T00:00:00.000Z', null, id]
  t.same(readQuery(orders, { order_by, search_after: after }).query.after, after)
  t.match(faultsOf({ order_by, search_after: [1] }), [/must be the sort values of a hit: placed_at, customer_id, id/])
  t.match(faultsOf({ order_by, search_after: ['x', 1, null] }), [
    /0 must be a day/,
    /1 must be text/,
    /2 must be the id/,
  ])
  t.match(faultsOf({ where: { text_matches: { must: [text()] } }, search_after: after }), [/needs order_by/])
  t.match(faultsOf({ order_by, search_after: after, page: 2 }), [/must be 1 or absent/])
})
