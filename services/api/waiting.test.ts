import { environment } from '@ordermill/config'
import { createDatabase } from '@ordermill/database'
import { createSearchClient } from '@ordermill/search'
import { corner, until } from '@ordermill/servers/testing'
import t from 'tap'
import { get, patch, post, remove, startTestApi, startTestWorker } from '../testing.ts'

const { env, namespace } = await corner(t, environment())
const dsn = env['POSTGRES_DSN'] ?? ''
const database = createDatabase({ dsn, name: 'test', poolMax: 2, timeout_ms: 10_000, onLost: () => undefined })
t.teardown(() => database.stop())
const engine = createSearchClient({ urls: [env['ELASTICSEARCH_URL'] ?? ''], timeout_ms: 10_000 })
t.teardown(() => engine.close())
const { url } = await startTestApi(t, env)
await startTestWorker(t, env)
const totalOf = async (api: string, name: string) => {
  const { body, headers } = await get(`${api}/api/search?q=${name}`)
  return [headers.get('x-search-engine'), body['total']]
}
const waiting = 'wait=indexed&wait_ms=30000'

t.test('a write that waits to be indexed is answered once searches find it, deletions included', async (t) => {
  const placed = await post(`${url}/api/orders?${waiting}`, { product_name: 'AARDVARK', amount: 1 })
  t.match(placed, { status: 201, body: { status: 'indexed', version: 1 } })
  t.same(await totalOf(url, 'aardvark'), ['elasticsearch', 1])
  const one = `${url}/api/orders/${String(placed.body['order_id'])}`
  t.match(await patch(`${one}?${waiting}`, { product_name: 'BUMBLEBEE' }), { status: 200, body: { status: 'indexed' } })
  t.same(await totalOf(url, 'bumblebee'), ['elasticsearch', 1])
  t.match(await patch(`${one}?wait=persisted&wait_ms=30000`, { amount: 2 }), {
    status: 200,
    body: { status: 'persisted' },
  })
  t.match(await remove(`${one}?${waiting}`), { status: 200, body: { status: 'indexed' } })
  t.same(await totalOf(url, 'bumblebee'), ['elasticsearch', 0])
})

t.test(
  'while the index is blocked it is told how far the write came; afterwards what waits is answered at once',
  async (t) => {
    const settings = (write: boolean | null) =>
      engine.indices.putSettings({ index: `${namespace}orders`, settings: { 'index.blocks.write': write } })
    await settings(true)
    const soon = await post(`${url}/api/orders?wait=indexed&wait_ms=800`, { product_name: 'CHINCHILLA', amount: 1 })
    t.match(soon, { status: 202, body: { status: 'persisted', version: 1 } })
    t.match(await post(`${url}/api/orders?wait=indexed&wait_ms=0`, { product_name: 'CHINCHILLA', amount: 1 }), {
      status: 202,
    })
    const waits = post(`${url}/api/orders?${waiting}`, { product_name: 'CHINCHILLA', amount: 1 })
    await settings(null)
    t.match(await waits, { status: 201, body: { status: 'indexed' } })
    t.same(await totalOf(url, 'chinchilla'), ['elasticsearch', 3])
  },
)

t.test('what the engine will not take is not waited for', async (t) => {
  const { body } = await post(`${url}/api/orders?${waiting}`, { product_name: 'DODO', amount: 1 })
  const id = String(body['order_id'])
  await database.query({
    text: `INSERT INTO search_rejects (index_uuid, id, change_seq, reason)
      SELECT index_uuid, $1, 1000000, 'test' FROM search_cursors WHERE alias = $2 AND role = 'serving'`,
    values: [id, `${namespace}orders`],
  })
  const started = performance.now()
  t.match(await patch(`${url}/api/orders/${id}?wait=persisted&wait_ms=30000`, { amount: 2 }), { status: 200 })
  const late = await patch(`${url}/api/orders/${id}?${waiting}`, { amount: 2 })
  t.match(late, { status: 200, body: { status: 'unchanged' } })
  t.ok(performance.now() - started < 15_000)
})

t.test('the connection on which it is told may be lost: the next write waits as before', async (t) => {
  const listens = `FROM pg_stat_activity WHERE application_name = 'ordermill-api-listen' AND datname = current_database()`
  const ended = await database.query({ text: `SELECT pid, pg_terminate_backend(pid) ${listens}` })
  t.equal(ended.length, 1)
  t.match(await post(`${url}/api/orders?wait=indexed&wait_ms=3000`, { product_name: 'EMU', amount: 1 }), {
    status: 201,
  })
  await post(`${url}/api/orders?${waiting}`, { product_name: 'EMU', amount: 1 })
  await until('it listens again', async () => (await database.query({ text: `SELECT 1 ${listens}` })).length === 1)
})

t.test('without an engine a write is indexed once Postgres finds it', async (t) => {
  const alone = await corner(t, environment())
  const without = { ...alone.env, ELASTICSEARCH_URL: '' }
  const api = await startTestApi(t, without)
  await startTestWorker(t, without)
  const placed = await post(`${api.url}/api/orders?${waiting}`, { product_name: 'FLAMINGO', amount: 1 })
  t.match(placed, { status: 201, body: { status: 'indexed' } })
  t.same(await totalOf(api.url, 'flamingo'), ['postgres', 1])
})
