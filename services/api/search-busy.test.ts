import { environment } from '@ordermill/config'
import { corner, until } from '@ordermill/servers/testing'
import t from 'tap'
import { many, post, startTestApi, startTestWorker } from '../testing.ts'

const { env } = await corner(t, environment())
const { url } = await startTestApi(t, env)
await startTestWorker(t, env)

/** What one process holds at most. */
const held = 200
const orders = Array.from({ length: 6 }, (_, at) => ({ product_name: `RED BAG ${'X '.repeat(at)}`, amount: at }))
await post(`${url}/api/bulk-orders`, { orders })

interface Page {
  status: number
  headers: Headers
  body: { engine: string; total?: { value: number }; hits: { order: { amount: number } }[]; next_cursor?: string }
}
const ask = async (body: object) => (await post(`${url}/api/orders/query`, body)) as unknown as Page
const ranked = { where: { text_matches: { must: [{ filter_key: 'product_name', text_value: 'red' }] } }, limit: 2 }
const sorted = { ...ranked, order_by: [{ order_by: 'amount' }] }
await until('both know all', async () => {
  const { body } = await ask(sorted)
  return body.engine === 'elasticsearch' && body.total?.value === orders.length
})

t.test(
  'with 200 points in time held, a new walk is answered by Postgres, a ranking that needs one is told to wait, and an ended walk makes room',
  async (t) => {
    const without = await ask(ranked)
    t.equal(without.body.engine, 'elasticsearch')
    const cursors: string[] = []
    await many(held, 10, async () => {
      const { status, body } = await ask({ ...sorted, cursor: true })
      t.match({ status, body }, { status: 200, body: { engine: 'elasticsearch', next_cursor: String } })
      cursors.push(body.next_cursor ?? '')
    })
    t.equal(cursors.length, held)

    for (const query of [sorted, ranked]) {
      const one = await ask({ ...query, cursor: true })
      t.match(one, { status: 200, body: { engine: 'postgres', hits: { length: 2 } } })
      t.equal(one.headers.get('x-search-engine'), 'postgres')
      const two = await ask({ ...query, cursor: one.body.next_cursor })
      t.match(two, { status: 200, body: { engine: 'postgres', hits: { length: 2 } } }, 'and so is its next page')
    }
    const next = { ...ranked, cursor: without.body.next_cursor }
    const busy = await ask(next)
    t.match(busy, { status: 503, body: { code: 'search-busy' } })
    t.ok(Number(busy.headers.get('retry-after')) > 0)
    t.match(await ask({ ...sorted, cursor: cursors[1] }), { status: 200, body: { engine: 'elasticsearch' } }, 'walks that have one go on') // biome-ignore format: one line
    t.match(await ask(sorted), { status: 200, body: { engine: 'elasticsearch' } }, 'the engine is not blamed')

    const end = await ask({ ...sorted, limit: 10, cursor: cursors[0] })
    t.same(end.body.next_cursor, undefined)
    await until('there is room again', async () => (await ask(next)).status === 200)
  },
)
