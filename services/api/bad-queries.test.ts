import { environment } from '@ordermill/config'
import { corner, until } from '@ordermill/servers/testing'
import t, { type Test } from 'tap'
import { post, startTestApi, startTestWorker } from '../testing.ts'

// What people and programs send that is no query, or means nothing special here: to both engines.
const { env } = await corner(t, environment())
const engines = {
  elasticsearch: (await startTestApi(t, env)).url,
  postgres: (await startTestApi(t, { ...env, ELASTICSEARCH_URL: '' })).url,
}
await startTestWorker(t, env)
const names = ['RED LANTERN', 'a*b', 'AND OR NOT', "'; DROP TABLE orders; --", '100% wool_en', 'x{1,3}.+']
for (const product_name of names)
  await post(`${engines.postgres}/api/orders?wait=persisted`, { product_name, amount: 1 })
for (const [engine, url] of Object.entries(engines))
  await until(`${engine} knows all`, async () => {
    const { body } = await post(`${url}/api/orders/query`, {
      where: shuffle('lantern and drop wool x b', { operator: 'or' }),
    })
    return body['engine'] === engine && (body['total'] as { value: number } | undefined)?.value === names.length
  })

/** Longer than any of these takes, however busy the machine is; a query that runs away takes longer. */
const slow_ms = 3_000

interface Body {
  status: number
  code: string
  errors?: { pointer?: string; parameter?: string; code: string; detail: string }[]
  hits: { order: { product_name: string } }[]
}

function shuffle(text_value: unknown, more: object = {}) {
  return { text_matches: { must: [{ filter_key: 'product_name', text_value, ...more }] } }
}

/** Sends a body to an engine: whatever it is, the answer comes soon, is no 5xx, and says nothing of the inside. */
async function ask(t: Test, url: string, sent: unknown, path = '/api/orders/query'): Promise<Body> {
  const shown = (typeof sent === 'string' ? sent : (JSON.stringify(sent) ?? '')).slice(0, 90)
  const started = performance.now()
  const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: typeof sent === 'string' ? sent : JSON.stringify(sent) } // biome-ignore format: one line
  const response = await fetch(url + path, sent === undefined ? {} : init)
  const text = await response.text()
  const body = JSON.parse(text) as Body
  t.ok(performance.now() - started < slow_ms, `${shown} is answered soon`)
  t.ok(response.status < 500, `${shown} is ${response.status}`)
  if (response.status >= 400) {
    t.match(response.headers.get('content-type'), /^application\/problem\+json/, shown)
    t.ok(text.length < 100_000, 'however much is wrong')
    t.notMatch(text, /_exception|Exception|[a-z]Error|node_modules|\bat \/|SELECT|ECONN|shard|syntax error/, shown)
  }
  return { ...body, status: response.status }
}

for (const [engine, url] of Object.entries(engines)) {
  t.test(`${engine}: wildcards, expressions, operators and SQL are the letters they are made of`, async (t) => {
    const found = async (where: object) => {
      const { hits } = await ask(t, url, { where })
      return hits?.map(({ order }) => order.product_name).toSorted()
    }
    for (const text of ['lan*', 'l?ntern', 'lan.*', '/lant.*/', 'lanter[n]', 'lan%', 'lan_', 'product_name:lantern', '_exists_:product_name', 'lantern~2', '+lantern -red^2 (x)'])
      t.same(await found(shuffle(text)), [], text) // biome-ignore format: one line
    t.same(await found(shuffle('"lantern" && red || ^')), ['RED LANTERN'])
    t.same(await found(shuffle('a*b', { search_type: 'exact' })), ['a*b'])
    t.same(await found(shuffle('AND OR NOT')), ['AND OR NOT'])
    t.same(await found(shuffle("'; drop table orders")), ["'; DROP TABLE orders; --"])
    t.same(await found(shuffle('0% w', { search_type: 'substring' })), ['100% wool_en'])
    t.same(await found(shuffle('1,3', { search_type: 'substring' })), ['x{1,3}.+'])
    for (const value of [
      "' OR 1=1 --",
      '*',
      '.*',
      '{"script":{"source":"1"}}',
      'jndi:ldap://x',
      '\\',
      '"',
      '_all',
      "a'); DELETE FROM orders; --",
    ]) {
      // biome-ignore format: one line
      t.same(await found({ keyword_match: { must: { customer_id: value } } }), [], value)
      t.match(await ask(t, url, undefined, `/api/search?q=${encodeURIComponent(value)}`), { status: 200 }, value)
      for (const search_type of ['exact', 'shuffle', 'prefix', 'substring']) await ask(t, url, { where: shuffle(value, { search_type }) }) // biome-ignore format: one line
    }
  })

  t.test(`${engine}: what is no query is told at its place`, async (t) => {
    const keyword = (value: unknown) => ({ where: { keyword_match: { must: { customer_id: value } } } })
    const amount = (value: unknown) => ({ where: { range_query: { must: { amount: { gte: value } } } } })
    const placed = (value: unknown) => ({ where: { range_query: { must: { placed_at: { lt: value } } } } })
    const at = '/where/text_matches/must/0/text_value'
    const cases: [sent: unknown, pointer: string][] = [
      [{ query: { match_all: {} } }, '/query'],
      [{ where: { query_string: { query: '*:*' } } }, '/where/query_string'],
      [{ where: { script: { source: 'while(true){}' } } }, '/where/script'],
      [{ where: { $where: 'sleep(1000)' } }, '/where/$where'],
      [{ script_fields: {}, where: {} }, '/script_fields'],
      [{ where: { text_matches: { must: [{ filter_key: "product_name'; --", text_value: 'x' }] } } }, '/where/text_matches/must/0/filter_key'],
      [{ where: { text_matches: { must: [{ filter_key: 'product_name-words', text_value: 'x' }] } } }, '/where/text_matches/must/0/filter_key'],
      [{ where: shuffle('x', { search_type: 'regexp' }) }, '/where/text_matches/must/0/search_type'],
      [{ where: shuffle('x\u0000y') }, at],
      [{ where: shuffle('x\ud800') }, at],
      [{ where: shuffle('***') }, at],
      [{ where: shuffle('') }, at],
      [{ where: shuffle(7) }, at],
      [{ where: shuffle({ toString: 'x' }) }, at],
      [{ where: shuffle('x'.repeat(501)) }, at],
      [{ where: shuffle('x '.repeat(33)) }, at],
      [{ where: shuffle('y'.repeat(900_000)) }, at],
      [keyword('\u0000'), '/where/keyword_match/must/customer_id'],
      [keyword('\udfff'), '/where/keyword_match/must/customer_id'],
      [keyword({ $ne: null }), '/where/keyword_match/must/customer_id'],
      [keyword([['a']]), '/where/keyword_match/must/customer_id/0'],
      [keyword(Array(101).fill('a')), '/where/keyword_match/must/customer_id'],
      [amount('1e3'), '/where/range_query/must/amount/gte'],
      [amount(1e300), '/where/range_query/must/amount/gte'],
      [amount(null), '/where/range_query/must/amount/gte'],
      [placed('0000-01-01'), '/where/range_query/must/placed_at/lt'],
      [placed('20000-01-01'), '/where/range_query/must/placed_at/lt'],
      [placed('now-1d/d'), '/where/range_query/must/placed_at/lt'],
      [placed(8.64e15), '/where/range_query/must/placed_at/lt'],
      [{ order_by: [{ order_by: '_score' }] }, '/order_by/0/order_by'],
      [{ order_by: [{ order_by: 'amount; DROP TABLE orders' }] }, '/order_by/0/order_by'],
      [{ order_by: 'amount' }, '/order_by'],
      [{ select_columns: ['hash'] }, '/select_columns/0'],
      [{ limit: 1_001 }, '/limit'],
      [{ limit: -1 }, '/limit'],
      [{ limit: 1e15 }, '/limit'],
      [{ page: 0 }, '/page'],
      [{ page: 10_001, limit: 1 }, '/page'],
      [{ highlight: 'yes' }, '/highlight'],
      [{ cursor: 'eyJ2IjoxfQ.AAAA' }, '/cursor'],
      [{ order_by: [{ order_by: 'amount' }], search_after: ["1'; --", 'x'] }, '/search_after/0'],
      [{ order_by: [{ order_by: 'amount' }], search_after: [1e300, 'x'] }, '/search_after/0'],
      [[], ''],
      [null, ''],
      ['"*:*"', ''],
    ] // biome-ignore format: table
    for (const [sent, pointer] of cases) {
      const { status, errors } = await ask(t, url, sent)
      const shown = (JSON.stringify(sent) ?? '').slice(0, 90)
      t.equal(status, 422, shown)
      t.ok(errors?.some((fault) => fault.pointer === pointer), `${shown}: ${JSON.stringify(errors).slice(0, 200)}`) // biome-ignore format: one line
    }
    for (const sent of [`{"limit":${'9'.repeat(400)}}`, '{"limit":1e999}', '{"limit":10.000000000000000001}'])
      t.equal((await ask(t, url, sent)).status, 422, sent.slice(0, 40))
  })

  t.test(`${engine}: limits are counted before anything runs`, async (t) => {
    const one = { filter_key: 'product_name', text_value: 'x' }
    const nested = (depth: number): object => (depth === 0 ? {} : { any_of: [nested(depth - 1)] })
    t.match(await ask(t, url, { where: nested(5) }), { status: 200 })
    t.match(await ask(t, url, { where: nested(6) }), { status: 422, errors: [{ pointer: '/where/any_of/0/any_of/0/any_of/0/any_of/0/any_of/0/any_of', code: 'depth' }] }) // biome-ignore format: one line
    t.match(await ask(t, url, { where: nested(20) }), { status: 400, code: 'malformed' })
    const many = Array.from({ length: 10_000 }, () => one)
    t.match(await ask(t, url, { where: { text_matches: { must: many } } }), { status: 422, errors: [{ pointer: '/where/text_matches/must' }] }) // biome-ignore format: one line
    const spread = { any_of: Array.from({ length: 100 }, () => ({ text_matches: { must: Array(100).fill(one) } })) }
    t.match(await ask(t, url, { where: spread }), { status: 422, errors: [{ pointer: '/where', code: 'clauses' }] })
    const empty = { any_of: Array.from({ length: 100 }, () => ({ any_of: Array(100).fill({}) })) }
    t.match(await ask(t, url, { where: empty }), { status: 422, errors: [{ pointer: '/where', code: 'clauses' }] })
    for (const more of [{ search_type: 'prefix' }, { fuzzy: true }]) {
      const wide = { ...one, ...more, text_value: 'abc '.repeat(32) }
      t.equal((await ask(t, url, { where: { text_matches: { must: [wide, wide] } } })).status, 200)
      t.match(await ask(t, url, { where: { text_matches: { must: [wide, wide, { ...one, ...more }] } } }), { status: 422, errors: [{ pointer: '/where', code: 'expansions' }] }) // biome-ignore format: one line
    }
    const members = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, at) => [`statuss${at}`, 1]))
    for (const sent of [
      members(60_000),
      { where: members(60_000) },
      { where: { keyword_match: { must: members(60_000) } } },
      { where: { range_query: { must: { amount: members(60_000) } } } },
      { where: { text_matches: { must: [members(60_000)] } } },
      { where: { any_of: Array(200_000).fill({}) } },
      { select_columns: Array(100_000).fill('statu') },
      { order_by: Array(20_000).fill({ order_by: 'amount' }) },
      { search_after: Array(200_000).fill(1), order_by: [{ order_by: 'amount' }] },
    ])
      t.equal((await ask(t, url, sent)).status, 422, JSON.stringify(sent).slice(0, 60))
    t.match(await ask(t, url, { where: shuffle('y'.repeat(1024 * 1024)) }), { status: 413 })
  })
}

t.test('the parameters of GET /api/search keep the same rules, each named by itself', async (t) => {
  const url = engines.elasticsearch
  const wrong = async (parameters: string, parameter: string, detail: RegExp) => {
    const { status, errors } = await ask(t, url, undefined, `/api/search?q=red&${parameters}`)
    t.match({ status, errors }, { status: 422, errors: [{ parameter, detail }] }, parameters)
    t.equal(errors?.length, 1, parameters)
  }
  await wrong('status=lost', 'status', /^must be one of placed/)
  for (const at of ['yesterday', '2026-02-30', '0000-01-01', '20000-01-01', '2026-01-01T00:00:00', '%00'])
    for (const name of ['from', 'to']) await wrong(`${name}=${at}`, name, /^must be a day or a time/)
  for (const value of ['x', '1e3', '-1', '', '1e400', '9'.repeat(20), 'NaN', '%2B1'])
    for (const name of ['min_amount', 'max_amount']) await wrong(`${name}=${value}`, name, /^must be a number from 0/)
  await wrong('sort=amont', 'sort', /did you mean amount/)
  await wrong('sort=product_name', 'sort', /is unknown here/)
  await wrong('sort=amount,-amount', 'sort', /is named twice/)
  await wrong('sort=amount,', 'sort', /is unknown here/)
  await wrong('limit=101', 'limit', /^must be a whole number/)
  await wrong('page=2&cursor=true', 'page', /beside cursor/)
  await wrong('cursor=x', 'cursor', /^must be a next_cursor/)
  await wrong(`cursor=${'x'.repeat(9_000)}`, 'cursor', /^must be text of 1 to 8000/)
  await wrong('colour=red', 'colour', /^is unknown here: there are q, status, from, to, /)
  t.match((await ask(t, url, undefined, `/api/search?q=${'x%20'.repeat(33)}`)).errors, [
    { parameter: 'q', code: 'words' },
  ])
})
