import { once } from 'node:events'
import { createServer } from 'node:net'
import { environment, readOptions } from '@ordermill/config'
import { createDatabase, searchRecords } from '@ordermill/database'
import { orders, type Query } from '@ordermill/model'
import { createSearchClient, createSearcher } from '@ordermill/search'
import { corner, until } from '@ordermill/servers/testing'
import { Client } from 'pg'
import t from 'tap'

const query: Query = {
  where: { kind: 'all', of: [] },
  sort: [{ field: 'amount', descending: false }],
  from: 0,
  size: 1,
  facets: [{ kind: 'values', field: 'status', size: 1 }],
}
const timeout_ms = 300

t.test('a search that Postgres does not answer in time is stopped there', async (t) => {
  const { env } = await corner(t, environment())
  const { POSTGRES_DSN: dsn } = readOptions(env, ['POSTGRES_DSN'])
  const database = createDatabase({ dsn, name: 'slow-search', poolMax: 1, timeout_ms: 60_000, onLost: () => undefined })
  t.teardown(() => database.stop())
  const other = new Client(dsn)
  await other.connect()
  t.teardown(() => other.end())
  await other.query('BEGIN; LOCK TABLE orders, orders_search IN ACCESS EXCLUSIVE MODE')
  for (const one of [query, { ...query, size: 0 }])
    await t.rejects(searchRecords(database, orders, one, { timeout_ms }), {
      name: 'Unavailable',
      code: 'database-57014',
    })
  const { rows } = await other.query(
    "SELECT 1 FROM pg_stat_activity WHERE application_name = 'slow-search' AND state <> 'idle'",
  )
  t.same(rows, [], 'nothing runs on')
})

t.test(
  'the time is that of the whole search: what its first statement waited for, the next one has no more',
  async (t) => {
    const { env } = await corner(t, environment())
    const { POSTGRES_DSN: dsn } = readOptions(env, ['POSTGRES_DSN'])
    const database = createDatabase({
      dsn,
      name: 'slow-search',
      poolMax: 1,
      timeout_ms: 60_000,
      onLost: () => undefined,
    })
    t.teardown(() => database.stop())
    const locked = async (table: string) => {
      const client = new Client(dsn)
      await client.connect()
      t.teardown(() => client.end())
      await client.query(`BEGIN; LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`)
      return client
    }
    const words = await locked('orders_words')
    await locked('orders_search')
    const where: Query['where'] = { kind: 'text', field: 'product_name', how: 'shuffle', words: ['lantren'], slop: 0, any: false, fuzzy: true } // biome-ignore format: one line
    const budget_ms = 2_000
    const started = performance.now()
    const gone_ms = () => performance.now() - started
    const answered = searchRecords(database, orders, { ...query, where }, { timeout_ms: budget_ms })
    const rejected = t.rejects(answered, { name: 'Unavailable', code: 'database-57014' })
    await until('most of the time is gone', () => gone_ms() > budget_ms * 0.75)
    await words.query('ROLLBACK')
    await rejected
    t.ok(gone_ms() < budget_ms * 1.4, `stopped after ${gone_ms().toFixed(0)} ms`)
  },
)

t.test('Elasticsearch is told when to give up, and is hung up on when it does not', async (t) => {
  let said = ''
  let gone = false
  const silent = createServer((socket) => {
    socket.on('data', (data: Buffer) => {
      said += data.toString()
    })
    socket.on('error', () => undefined)
    socket.on('close', () => {
      gone = true
    })
  })
  t.teardown(() => void silent.close())
  await once(silent.listen(0, '127.0.0.1'), 'listening')
  const { port } = silent.address() as { port: number }
  const client = createSearchClient({ urls: [`http://127.0.0.1:${port}`], timeout_ms })
  t.teardown(() => client.close())
  await t.rejects(createSearcher(client, orders, 'orders', timeout_ms).query(query), { code: 'search-away' })
  t.match(said, `"timeout":"${timeout_ms}ms"`)
  await until('the connection is closed, upon which the engine cancels the search', () => gone)
})
