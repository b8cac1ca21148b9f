import { existsSync, readFileSync } from 'node:fs'
import { environment } from '@ordermill/config'
import { corner, until } from '@ordermill/servers/testing'
import t from 'tap'
import { get, many, post, startTestApi, startTestWorker } from './testing.ts'

interface Expected {
  lines: number
  valid: number
  invalid_lines: number[]
  total_revenue: string
  daily_revenue: Record<string, string>
  top_products: [string, string][]
}
interface Day {
  date: string
  currency: string
  total_revenue: number
  orders: number
}

// Real orders with results that were computed elsewhere: ORDERS_DATA names the folder they are in.
const folder = environment()['ORDERS_DATA'] ?? ''
const file = `${folder}/online_retail.orders.ndjson`
const skip = existsSync(file) ? false : 'ORDERS_DATA names no folder with online_retail.orders.ndjson'

t.test(
  'real orders give exactly the counts, the refusals and the revenue that were computed independently',
  { skip },
  async (t) => {
    const { env } = await corner(t, environment())
    const { url } = await startTestApi(t, env)
    await startTestWorker(t, env)
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n')
    const expected = JSON.parse(readFileSync(`${folder}/online_retail.expected.json`, 'utf8')) as Expected
    t.equal(lines.length, expected.lines)

    const refused: number[] = []
    let accepted = 0
    await many(lines.length, 20, async (index) => {
      const { status } = await post(`${url}/api/orders`, lines[index])
      if (status === 202) accepted += 1
      else if (status === 422) refused.push(index + 1)
    })
    t.equal(accepted, expected.valid)
    t.same(
      refused.sort((a, b) => a - b),
      expected.invalid_lines,
    )

    const sales = await until('all are in the view', async () => {
      await post(`${url}/api/admin/refresh`, {})
      const days = (await get(`${url}/api/dashboard/sales?from=2010-01-01&to=2012-01-01&currency=GBP`))
        .body as unknown as Day[]
      return days.reduce((sum, day) => sum + day.orders, 0) === expected.valid && days
    })
    const cents = (amount: number | string) => Math.round(Number(amount) * 100)
    t.same(
      Object.fromEntries(sales.map(({ date, total_revenue }) => [date, cents(total_revenue)])),
      Object.fromEntries(Object.entries(expected.daily_revenue).map(([date, amount]) => [date, cents(amount)])),
    )
    t.equal(
      sales.reduce((sum, day) => sum + cents(day.total_revenue), 0),
      cents(expected.total_revenue),
    )

    const [best] = expected.top_products[1] ?? ['']
    const named = lines.filter((line) => line.includes(`"${best}"`)).length
    await until('search knows all of them', async () => {
      const { body } = await get(`${url}/api/search?q=${encodeURIComponent(best)}&limit=100`)
      return (
        (body['hits'] as { order: { product_name: string } }[]).filter(({ order }) => order.product_name === best)
          .length === named
      )
    })
  },
)
