import { environment } from '@ordermill/config'
import { corner } from '@ordermill/servers/testing'
import t from 'tap'
import { get, many, patch, post, startTestApi, startTestWorker } from './testing.ts'

const { env } = await corner(t, environment())
const { url } = await startTestApi(t, { ...env, ADMIN_TOKEN: 'secret' })
await startTestWorker(t, env)
const orders = `${url}/api/orders`
interface Page {
  orders: { id: string; status: string; customer_id: string; placed_at: string }[]
  next_cursor: string | null
}
const list = async (query: string) => (await get(`${orders}?${query}`)).body as unknown as Page
const customers = ['anna', 'bert', 'carl']
await many(120, 20, async (index) => {
  const placed_at = new Date(Date.UTC(2026, 0, 1 + (index % 30))).toISOString()
  await post(`${orders}?wait=persisted&wait_ms=30000`, {
    product_name: `P ${index}`,
    amount: 1,
    customer_id: customers[index % 3],
    reference: `R${index % 10}`,
    placed_at,
  })
})

t.test('pages neither repeat nor skip, also while new orders come in', async (t) => {
  const seen: string[] = []
  let query = 'limit=7'
  for (let pages = 0; pages < 30; pages += 1) {
    const page = await list(query)
    seen.push(...page.orders.map(({ id }) => id))
    if (page.next_cursor === null) break
    query = `limit=7&cursor=${page.next_cursor}`
    await post(`${orders}?wait=persisted&wait_ms=30000`, { product_name: 'LATE', amount: 1, customer_id: 'late' })
  }
  t.equal(new Set(seen).size, seen.length)
  t.equal(seen.length, 120)
})

t.test('filters hold together', async (t) => {
  const ofAnna = await list('customer_id=anna&limit=100')
  t.equal(ofAnna.orders.length, 40)
  t.equal((await list('customer_id=anna&reference=R0&limit=100')).orders.length, 4)
  const [first] = ofAnna.orders
  await patch(`${orders}/${first?.id}?wait=persisted&wait_ms=30000`, { status: 'confirmed' })
  t.same(
    (await list('status=confirmed')).orders.map(({ id }) => id),
    [first?.id],
  )
  const days = await list('from=2026-01-10T00:00:00Z&to=2026-01-11T01:00:00%2B01:00&limit=100')
  t.equal(days.orders.length, 4)
  t.ok(days.orders.every(({ placed_at }) => placed_at.startsWith('2026-01-10')))
  t.same((await list('customer_id=nobody')).orders, [])
})

t.test('what is no filter, limit or cursor is refused by name', async (t) => {
  for (const query of [
    'limit=0',
    'limit=101',
    'limit=x',
    'cursor=abc',
    'from=yesterday',
    'status=lost',
    'colour=red',
    'customer_id=',
  ]) {
    const { status, body } = await get(`${orders}?${query}`)
    t.equal(status, 422, query)
    t.match(JSON.stringify(body['errors']), query.split('=')[0] ?? '', query)
  }
})

t.test('the admin token opens /api/admin, and nothing else does', async (t) => {
  const admin = `${url}/api/admin`
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
  t.equal((await get(`${admin}/jobs`)).status, 401)
  t.equal((await post(`${admin}/refresh`, {}, bearer('wrong'))).status, 401)
  t.equal((await get(`${admin}/jobs`, bearer('secret'))).status, 200)
})

t.test('a refresh is a job: it answers when it is done, and stays on record', async (t) => {
  const headers = { authorization: 'Bearer secret' }
  const refreshed = await post(`${url}/api/admin/refresh`, {}, headers)
  t.equal(refreshed.status, 200)
  t.match(refreshed.body, { view: 'daily_sales_mv', outcome: 'refreshed' })
  const job = await get(url + refreshed.headers.get('location'), headers)
  t.match(job.body, { kind: 'refresh', state: 'COMPLETED', attempts: 1 })
  t.equal((await post(`${url + refreshed.headers.get('location')}/cancel`, {}, headers)).status, 409)
  t.match((await get(`${url}/api/admin/jobs?limit=1`, headers)).body, { jobs: [{ id: job.body['id'] }] })
  const many = await Promise.all(Array.from({ length: 8 }, () => post(`${url}/api/admin/refresh`, {}, headers)))
  t.ok(many.some(({ status }) => status === 200))
  t.ok(many.every(({ status }) => status === 200 || status === 409))
})
