import { environment } from '@ordermill/config'
import { newId } from '@ordermill/model'
import { corner, until } from '@ordermill/servers/testing'
import t from 'tap'
import { get, post, startTestApi } from '../testing.ts'

const { env } = await corner(t, environment())

/** How many requests were measured, by method, route and status. */
async function measured(url: string): Promise<Record<string, number>> {
  const page = await (await fetch(`${url}/metrics`)).text()
  const found = [...page.matchAll(/^http_request_duration_seconds_count\{(.*)\} (\d+)$/gm)].map(
    ([, labels = '', count]) => {
      const [method, route, status] = ['method', 'route', 'status'].map(
        (name) => new RegExp(`${name}="([^"]*)"`).exec(labels)?.[1],
      )
      return [`${method} ${route} ${status}`, Number(count)] as const
    },
  )
  return Object.fromEntries(found)
}

t.test('every request is measured by its route, whoever answers it', async (t) => {
  const { url } = await startTestApi(t, { ...env, BODY_BYTES_MAX: '2000' })
  const { body } = await post(`${url}/api/orders`, { product_name: 'Lantern', amount: 1 })
  for (const _ of [1, 2]) await get(`${url}/api/orders/${(body as { order_id: string }).order_id}`)
  await get(`${url}/api/orders/${newId()}`)
  await get(`${url}/api/orders/no-id`)
  await get(`${url}/nothing/here`)
  await post(`${url}/api/orders`, { product_name: 'x'.repeat(3_000), amount: 1 })
  const wanted = {
    'POST /api/orders 202': 1,
    'POST /api/orders 413': 1,
    'GET /api/orders/:id 200': 2,
    'GET /api/orders/:id 404': 1,
    'GET /api/orders/:id 422': 1,
    'GET none 404': 1,
  }
  await until('all are measured', async () => {
    const found = await measured(url)
    return Object.entries(wanted).every(([name, count]) => found[name] === count)
  })
})

t.test('so are those that are refused by the limit of a caller', async (t) => {
  const { url } = await startTestApi(t, { ...env, RATE_LIMIT: '3', NAMESPACE: `${env['NAMESPACE']}limited.` })
  const answers = await Promise.all(Array.from({ length: 8 }, () => get(`${url}/api/orders/${newId()}`)))
  const refused = answers.filter(({ status }) => status === 429).length
  t.ok(refused > 0)
  const found = await measured(url)
  t.equal(found['GET /api/orders/:id 429'], refused)
})

t.test('an answer that nobody waited for is not measured', async (t) => {
  const { url } = await startTestApi(t, { ...env, NAMESPACE: `${env['NAMESPACE']}left.` })
  const order = { product_name: 'Lantern', amount: 1 }
  const signal = AbortSignal.timeout(300)
  const asked = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(order), signal }
  await t.rejects(fetch(`${url}/api/orders?wait=persisted`, asked), { name: 'TimeoutError' })
  await post(`${url}/api/orders`, order)
  const found = await measured(url)
  const writes = Object.entries(found).filter(([name]) => name.startsWith('POST'))
  t.same(writes, [['POST /api/orders 202', 1]])
})
