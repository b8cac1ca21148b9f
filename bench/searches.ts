/** One search by name: what is asked of the API, and whether it is a page far behind the first. */
export interface NamedSearch {
  name: string
  /** The simple door: what is typed into one box. Else a query in VQL. */
  q?: string
  query?: Record<string, unknown>
}

const text = (text_value: string, more: object = {}) => ({ filter_key: 'product_name', text_value, ...more })
const must = (...of: object[]) => ({ text_matches: { must: of } })
const by = (order_by: string, order_direction: 'asc' | 'desc' = 'desc') => [{ order_by, order_direction }]
const anId = '019a0000-0000-7000-8000-000000000000'

/** What people who run a shop search for: common and rare words, misspelt ones, parts of words, filters, ranges, facets, far pages. */
export const searches: NamedSearch[] = [
  { name: 'one word in a tenth of the orders, by relevance', query: { where: must(text('bag')) } },
  { name: 'two words', query: { where: must(text('red retrospot')) } },
  { name: 'one of two common words', query: { where: must(text('red bag', { operator: 'or' })) } },
  { name: 'a phrase', query: { where: must(text('hot water bottle', { search_type: 'exact' })) } },
  {
    name: 'a phrase with words between',
    query: { where: must(text('heart holder', { search_type: 'exact', slop: 2 })) },
  },
  { name: 'a misspelt word', query: { where: must(text('lantren', { fuzzy: true })) } },
  { name: 'two misspelt words', query: { where: must(text('retrosopt cke', { fuzzy: true })) } },
  { name: 'the first letter of half the names', query: { where: must(text('s', { search_type: 'prefix' })) } },
  { name: 'beginnings of two words', query: { where: must(text('vint pais', { search_type: 'prefix' })) } },
  { name: 'characters within words', query: { where: must(text('etrospo', { search_type: 'substring' })) } },
  { name: 'a common word, by amount', query: { where: must(text('red')), order_by: by('amount') } },
  {
    name: 'a word, a status and a range, by time',
    query: {
      where: {
        ...must(text('red')),
        keyword_match: { must: { status: 'shipped' } },
        range_query: { must: { amount: { gte: 10, lt: 20 } } },
      },
      order_by: by('placed_at'),
    },
  },
  {
    name: 'not this word, in a month, by quantity',
    query: {
      where: {
        text_matches: { must_not: [text('bag')] },
        range_query: { must: { placed_at: { gte: '2025-01-01', lt: '2025-02-01' } } },
      },
      order_by: by('quantity'),
    },
  },
  {
    name: 'one customer, newest first',
    query: { where: { keyword_match: { must: { customer_id: '12010' } } } },
  },
  {
    name: 'a word or dear orders',
    query: {
      where: { any_of: [must(text('teapot')), { range_query: { must: { amount: { gte: 60 } } } }] },
      order_by: by('created_at'),
    },
  },
  {
    name: 'far behind, by amount',
    query: { where: must(text('red')), order_by: by('amount'), search_after: [7.5, anId] },
  },
  { name: 'a far page by relevance', query: { where: must(text('bag')), page: 400, limit: 25 } },
  { name: 'the box: two words', q: 'retrospot cake' },
  { name: 'the box: a common word misspelt', q: 'jmbo bag' },
  { name: 'the box: a reference', q: 'R560000' },
]
