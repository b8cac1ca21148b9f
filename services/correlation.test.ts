import { environment } from '@ordermill/config'
import { corner, until } from '@ordermill/servers/testing'
import { Client } from 'pg'
import t from 'tap'
import { severable } from './api/testing.ts'
import { get, post, spawnService, startTestApi } from './testing.ts'

const { env } = await corner(t, environment())
const order = { product_name: 'Lantern', amount: 1 }

interface Line {
  component?: string
  msg?: string
  correlation_id?: string
  batch_id?: string
  order_id?: string
}
const linesOf = (output: string): Line[] =>
  output
    .split('\n')
    .filter((line) => line.startsWith('{') && line.endsWith('}'))
    .map((line) => JSON.parse(line) as Line)

/** What a server was sent through a way that is listened to. */
async function listened(host: string, port: number) {
  const heard: Buffer[] = []
  const way = await severable(t, host, port, (data) => heard.push(data))
  return { port: way.port, said: () => Buffer.concat(heard).toString('latin1') }
}

const postgres = new URL(env['POSTGRES_DSN'] ?? '')
const toPostgres = await listened(postgres.hostname, Number(postgres.port))
const through = new URL(postgres)
through.hostname = '127.0.0.1'
through.port = String(toPostgres.port)
const { url } = await startTestApi(t, { ...env, POSTGRES_DSN: through.href })

for (const level of ['info', 'debug'] as const)
  t.test(
    `the worker's log at ${level} names the request that caused a batch${level === 'debug' ? ', and each record' : ''}`,
    async (t) => {
      const { output, child } = spawnService(t, 'worker', { ...env, LOG_LEVEL: level, POSTGRES_DSN: through.href })
      const mine = `mine-${level}`
      const { body, headers } = await post(`${url}/api/orders?wait=persisted&wait_ms=30000`, order, {
        'x-correlation-id': mine,
      })
      t.equal(body['status'], 'persisted')
      t.equal(headers.get('x-correlation-id'), mine)
      const batch = await until('the batch is told', () => linesOf(output()).find(({ msg, correlation_id }) => msg === 'batch' && correlation_id === mine)) // biome-ignore format: one line
      t.match(batch.batch_id, /^[0-9a-f-]{36}$/)
      const records = linesOf(output()).filter(({ msg }) => msg === 'record')
      if (level === 'info') t.same(records, [])
      else t.match(records, [{ batch_id: batch.batch_id, order_id: String(body['order_id']), correlation_id: mine }])
      t.match(toPostgres.said(), new RegExp(`BEGIN; SELECT pg_advisory_xact_lock.* /\\* correlation_id=${mine} \\*/`))
      child.kill('SIGTERM')
    },
  )

t.test("the API's reads carry it to Postgres; what is not sane is replaced by one of ours", async (t) => {
  const id = '01936f5e-8a4c-7d20-9b1e-3f5a6c7d8e9f'
  for (const [path, mine] of [
    [`/api/orders/${id}`, 'read-1'],
    ['/api/orders', 'list-1'],
    [`/api/orders/${id}/history`, 'history-1'],
  ] as const) {
    // biome-ignore format: a table
    await get(url + path, { 'x-correlation-id': mine })
    t.match(toPostgres.said(), `/* correlation_id=${mine} */`, path)
  }
  const { headers } = await get(`${url}/api/orders`, { 'x-correlation-id': '*/ DROP TABLE orders; --' })
  t.match(headers.get('x-correlation-id'), /^[0-9a-f-]{36}$/)
  t.notMatch(toPostgres.said(), 'DROP TABLE')
})

t.test('a read of a request that sent none stays prepared', async (t) => {
  const asked = `${url}/api/orders/01936f5e-8a4c-7d20-9b1e-3f5a6c7d8e9f`
  const byName = () => toPostgres.said().split('orders-read\0').length
  const before = byName()
  await get(asked, { 'x-correlation-id': 'read-2' })
  t.equal(byName(), before)
  await get(asked)
  t.ok(byName() > before, 'it goes by its name')
})

t.test('what the worker sends after its BEGIN stays prepared: no statement of it carries a comment', async (t) => {
  const database = new Client(postgres.href)
  await database.connect()
  t.teardown(() => database.end())
  t.equal((await database.query('SELECT count(*)::int AS n FROM orders')).rows[0]?.n, 2)
  t.notMatch(toPostgres.said(), /INSERT INTO orders [^\0]*correlation_id/)
  t.match(toPostgres.said(), 'orders-insert', 'it goes by its name')
})
