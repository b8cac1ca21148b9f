import { environment } from '@ordermill/config'
import { corner, until } from '@ordermill/servers/testing'
import t from 'tap'
import { get, patch, post, startTestApi, startTestWorker } from '../testing.ts'

// The same orders, searched by parameters of a URL in both engines, and filtered one by one in memory.
const { env } = await corner(t, environment())
const shared = { ...env, CURSOR_SECRET: 'shared by both of them' }
const both = {
  elasticsearch: (await startTestApi(t, shared)).url,
  postgres: (await startTestApi(t, { ...shared, ELASTICSEARCH_URL: '' })).url,
}
await startTestWorker(t, env)

interface Order {
  product_name: string
  amount: number
  placed_at: string
  customer_id: string | null
  reference: string
  status: string
}
const count = 60
const made: Order[] = Array.from({ length: count }, (_, at) => ({
  product_name: at % 4 === 0 ? 'GREEN MUG' : 'RED BAG',
  amount: (at * 7) % 20,
  placed_at: `2011-01-0${1 + (at % 5)}T12:00:00.000Z`,
  customer_id: at % 3 === 0 ? null : `c${at % 4}`,
  reference: `R${at}`,
  status: at % 5 === 0 ? 'confirmed' : 'placed',
}))
const bulk = await post(`${both.elasticsearch}/api/bulk-orders`, {
  orders: made.map(({ status: _, ...body }) => body),
})
const ids = bulk.body['order_ids'] as string[]
for (const [at, { status }] of made.entries())
  if (status !== 'placed')
    await patch(`${both.elasticsearch}/api/orders/${ids[at]}?wait=persisted&wait_ms=30000`, { status })

const red = made.filter(({ product_name }) => product_name === 'RED BAG')
const confirmed = red.filter(({ status }) => status === 'confirmed')

interface Bucket {
  value: string
  count: number
}
interface Body {
  hits: { score: number | null; order: Order }[]
  total: number
  engine: string
  facets?: { field: string; buckets: Bucket[]; other: number; absent: number }[]
  next_cursor?: string
}
const search = async (url: string, parameters: string): Promise<Body> => {
  const { status, body } = await get(`${url}/api/search?q=bag&limit=100&${parameters}`)
  if (status !== 200) throw new Error(`${parameters}: ${JSON.stringify(body)}`)
  return body as unknown as Body
}
for (const [name, url] of Object.entries(both))
  await until(`${name} knows all`, async () => {
    const { engine, total } = await search(url, 'status=confirmed')
    return (
      engine === name && total === confirmed.length && (await search(url, 'status=placed')).total === red.length - total
    )
  })

const references = (orders: Order[]) => orders.map(({ reference }) => reference)
const found = ({ hits }: Body) => references(hits.map(({ order }) => order))
const day = (n: number) => `2011-01-0${n}`

const filters: Record<string, (order: Order) => boolean> = {
  '': () => true,
  'status=confirmed': ({ status }) => status === 'confirmed',
  [`from=${day(3)}`]: ({ placed_at }) => placed_at >= day(3),
  [`from=${day(3)}T12:00:00Z`]: ({ placed_at }) => placed_at >= `${day(3)}T12`,
  [`from=${day(3)}T12:00:00.001Z`]: ({ placed_at }) => placed_at >= `${day(4)}`,
  [`to=${day(3)}T12:00:00Z`]: ({ placed_at }) => placed_at < day(3),
  [`to=${day(3)}T13:00:00%2B01:00`]: ({ placed_at }) => placed_at < day(3),
  [`from=${day(2)}&to=${day(4)}`]: ({ placed_at }) => placed_at >= day(2) && placed_at < day(4),
  'min_amount=7': ({ amount }) => amount >= 7,
  'max_amount=7': ({ amount }) => amount <= 7,
  'min_amount=7&max_amount=7': ({ amount }) => amount === 7,
  'min_amount=6.99&max_amount=12.5': ({ amount }) => amount > 6.99 && amount < 12.5,
  [`status=placed&from=${day(2)}&to=${day(5)}&min_amount=3&max_amount=16`]: ({ status, placed_at, amount }) =>
    status === 'placed' && placed_at >= day(2) && placed_at < day(5) && amount >= 3 && amount <= 16,
}

t.test('status, from, to, min_amount and max_amount leave what they say, alone and together', async (t) => {
  for (const [engine, url] of Object.entries(both))
    for (const [parameters, holds] of Object.entries(filters)) {
      const expected = references(red.filter(holds))
      t.ok(expected.length > 0, parameters)
      const body = await search(url, parameters)
      t.equal(body.engine, engine)
      t.same(found(body).toSorted(), expected.toSorted(), `${engine} ${parameters}`)
      t.equal(body.total, expected.length, `${engine} ${parameters}`)
      t.ok(
        body.hits.every(({ score }) => score !== null && score > 0),
        'by relevance',
      )
    }
})

const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b))
const sorts: Record<string, (a: Order, b: Order) => number> = {
  '-amount,reference': (a, b) => b.amount - a.amount || byBytes(a.reference, b.reference),
  'placed_at,-amount,reference': (a, b) =>
    byBytes(a.placed_at, b.placed_at) || b.amount - a.amount || byBytes(a.reference, b.reference),
  '-status,-reference': (a, b) => byBytes(b.status, a.status) || byBytes(b.reference, a.reference),
  'customer_id,reference': (a, b) =>
    byBytes(a.customer_id ?? '~', b.customer_id ?? '~') || byBytes(a.reference, b.reference),
}

t.test('sort, limit, page and cursor walk through all in that order', async (t) => {
  for (const [engine, url] of Object.entries(both))
    for (const [sort, compare] of Object.entries(sorts)) {
      const expected = references(red.toSorted(compare))
      t.same(found(await search(url, `sort=${sort}`)), expected, `${engine} ${sort}`)
      const ask = (rest: string) => get(`${url}/api/search?q=bag&sort=${sort}&limit=7&${rest}`)
      const walked: string[] = []
      let cursor: string | undefined = 'true'
      while (cursor !== undefined && walked.length < count) {
        const body: Body = (await ask(`cursor=${cursor}`)).body as never
        t.ok(body.hits.length <= 7 && body.hits.every(({ score }) => score === null))
        walked.push(...found(body))
        cursor = body.next_cursor
      }
      t.same(walked, expected, `${engine} ${sort} by cursor`)
      t.same(found((await ask('page=3')).body as never), expected.slice(14, 21), `${engine} ${sort} page 3`)
    }
})

const counted = (orders: Order[], field: 'status' | 'customer_id') => {
  const counts = new Map<string, number>()
  for (const { [field]: value } of orders) if (value !== null) counts.set(value, (counts.get(value) ?? 0) + 1)
  const buckets = [...counts].map(([value, count]) => ({ value, count }))
  buckets.sort((a, b) => b.count - a.count || byBytes(a.value, b.value))
  return { field, buckets, other: 0, absent: orders.filter((order) => order[field] === null).length }
}

t.test('facets count the values of fields over all that match, on each page', async (t) => {
  const few = red.filter(({ amount }) => amount >= 5)
  const expected = [counted(few, 'customer_id'), counted(few, 'status')]
  t.ok(expected.every(({ buckets }) => buckets.length > 1) && expected.some(({ absent }) => absent > 0))
  for (const [engine, url] of Object.entries(both)) {
    const asked = `${url}/api/search?q=bag&min_amount=5&limit=3&facets=customer_id,status`
    const { body } = await get(`${asked}&cursor=true`)
    t.match(body, { engine, total: few.length, hits: { length: 3 } })
    t.same(body['facets'], expected, engine)
    t.same((await get(`${asked}&cursor=${body['next_cursor']}`)).body['facets'], expected, `${engine}, second page`)
    t.notOk('facets' in (await search(url, '')), 'none where none are asked for')
  }
})

t.test('a facet that is no name of a field with values is a fault of that parameter', async (t) => {
  for (const [facets, detail] of [
    ['statu', /did you mean status/],
    ['status,', /is unknown here/],
    ['amount', /is of kind money/],
    ['product_name', /has no facets/],
    [Array(11).fill('status').join(), /must be a list of 1 to 10/],
    ['', /must be text of 1 to 200/],
  ] as const) {
    const { status, body } = await get(`${both.postgres}/api/search?q=bag&facets=${facets}`)
    t.match({ status, body }, { status: 422, body: { errors: [{ parameter: 'facets', detail }] } }, facets)
  }
})
