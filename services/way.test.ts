import { environment } from '@ordermill/config'
import { corner, until } from '@ordermill/servers/testing'
import t from 'tap'
import { get, post, startTestApi, startTestWorker } from './testing.ts'

const { env } = await corner(t, environment())
const { url } = await startTestApi(t, env)
await startTestWorker(t, env)

t.test(
  'an order that was accepted is read at once, found by search within seconds, and counted after a refresh',
  async (t) => {
    const accepted = await post(`${url}/api/orders`, {
      product_name: '  Regency Cakestand ',
      amount: 12.75,
      currency: 'GBP',
    })
    t.equal(accepted.status, 202)
    t.equal(accepted.body['status'], 'processing')
    const id = String(accepted.body['order_id'])
    t.equal(accepted.headers.get('location'), `/api/orders/${id}`)

    const read = await get(`${url}/api/orders/${id}`)
    t.equal(read.status, 200)
    t.equal(read.headers.get('x-cache'), 'HIT')
    t.match(read.body, {
      id,
      version: 1,
      status: 'placed',
      product_name: 'Regency Cakestand',
      quantity: 1,
      amount: 12.75,
    })

    const found = await until('the order is found', async () => {
      const { body } = await get(`${url}/api/search?q=regen`)
      return body['total'] === 1 && body['engine'] === 'elasticsearch' && body
    })
    t.match(found, { total: 1, engine: 'elasticsearch', hits: [{ order: { id } }] })
    const misspelt = await get(`${url}/api/search?q=cakestend`)
    t.match(misspelt.body, { total: 1 })

    t.equal((await post(`${url}/api/admin/refresh`, {})).status, 200)
    const sales = await get(`${url}/api/dashboard/sales`)
    t.match(sales.body, [{ currency: 'GBP', total_revenue: 12.75, orders: 1, units: 1 }])
    t.ok(sales.headers.get('x-as-of'))
  },
)
