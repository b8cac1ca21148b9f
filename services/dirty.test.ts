import { environment } from '@ordermill/config'
import { corner, redisAt, until } from '@ordermill/servers/testing'
import { Client } from 'pg'
import t from 'tap'
import { severable } from './api/testing.ts'
import { get, patch, post, remove, startTestApi, startTestWorker } from './testing.ts'

const { env } = await corner(t, environment())
const pg = new Client(env['POSTGRES_DSN'])
await pg.connect()
t.teardown(() => pg.end())
const broker = new URL(env['RABBITMQ_URL'] ?? '')
const redis = new URL(`redis://${env['REDIS_ADDR']}`)
const postgres = new URL(env['POSTGRES_DSN'] ?? '')
const engine = new URL(env['ELASTICSEARCH_URL'] || 'http://127.0.0.1:1')
const ways = {
  broker: await severable(t, broker.hostname, Number(broker.port)),
  redis: await severable(t, redis.hostname, Number(redis.port)),
  postgres: await severable(t, postgres.hostname, Number(postgres.port)),
  engine: await severable(t, engine.hostname, Number(engine.port)),
}
const through = (url: URL, { port }: { port: number }) => {
  const here = new URL(url)
  here.hostname = '127.0.0.1'
  here.port = String(port)
  return here.href
}
const { url } = await startTestApi(t, {
  ...env,
  RABBITMQ_URL: through(broker, ways.broker),
  REDIS_ADDR: `127.0.0.1:${ways.redis.port}`,
  POSTGRES_DSN: through(postgres, ways.postgres),
  ELASTICSEARCH_URL: through(engine, ways.engine),
})
const status = async (id: string) => await get(`${url}/api/orders/${id}/status`)
const statusWhere = async (id: string, what: string, check: (body: Record<string, unknown>) => boolean) =>
  await until(
    what,
    async () => {
      const { body } = await status(id)
      return check(body) && body
    },
    60_000,
  )
const place = async (product_name: string, wait = '') =>
  String((await post(`${url}/api/orders${wait}`, { product_name, amount: 1 })).body['order_id'])
const dirty = async (query = '') => (await get(`${url}/api/admin/dirty${query}`)).body
const flush = (body: unknown) => post(`${url}/api/admin/dirty/flush`, body)
// A flusher that has just found the broker looks after everything at once, and then not before an hour has passed.
await startTestWorker(t, { ...env, FLUSH_AFTER_MS: '3600000' })
const flushers = "SELECT 1 FROM leases WHERE name = 'flusher:orders'"
await until('the flusher is at work', async () => (await pg.query(flushers)).rowCount === 1, 60_000)
const nowhere = '0199a8f0-0000-7000-8000-0000000000ff'

t.test('what the broker never got is seen as unsent, and a flush publishes it at once', async (t) => {
  t.match(await flush({}), { status: 200, body: { published: 0, settled: 0, waiting: 0 } })
  ways.broker.cut()
  const [one, two] = [await place('OWL'), await place('BAT')]
  t.equal((await patch(`${url}/api/orders/${one}`, { quantity: 2 })).status, 202)
  t.match(await dirty(), {
    count: { unsent: 3, sent: 0, parked: 0 },
    dirty: [
      { id: one, version: 1, mark: 'unsent' },
      { id: two, version: 1 },
      { id: one, version: 2 },
    ],
    next_cursor: null,
  })
  const { dirty: first, next_cursor, bytes_estimate } = await dirty('?limit=2')
  t.match(first, [{ id: one }, { id: two }])
  t.ok(Number(bytes_estimate) > 300, String(bytes_estimate))
  t.match((await dirty(`?limit=2&cursor=${String(next_cursor)}`))['dirty'], [{ id: one, version: 2 }])
  t.equal((await get(`${url}/api/admin/dirty?cursor=x`)).status, 422)
  t.match(await status(one), {
    status: 200,
    body: {
      order_id: one,
      version: 2,
      status: 'processing',
      cache: { state: 'ok', version: 2, deleted: false },
      postgres: { state: 'none', version: null },
      index: { version: null, current: null },
      dirty: [
        { version: 1, mark: 'unsent' },
        { version: 2, mark: 'unsent' },
      ],
      parked: [],
    },
  })
  t.match(await flush({ id: two }), { status: 200, body: { published: 1, settled: 0, waiting: 0 } })
  await statusWhere(two, 'it is persisted', (body) => body['status'] !== 'processing')
  t.match((await status(one)).body, { status: 'processing' }, 'the other one was not meant')
  t.match(await flush({}), { status: 200, body: { published: 2 } })
  await statusWhere(one, 'it is persisted', (body) => body['status'] !== 'processing')
  await until('nothing is dirty', async () => (await dirty())['dirty']?.toString() === '')
  t.match(await flush({ id: nowhere }), { status: 200, body: { published: 0, settled: 0, waiting: 0 } })
  t.equal((await flush({ id: 'x' })).status, 422)
  ways.broker.mend()
  await until(
    'the broker is back',
    async () => {
      const { dependencies } = (await get(`${url}/health`)).body as { dependencies: { name: string; status: string }[] }
      return dependencies.some(({ name, status }) => name === 'rabbitmq' && status === 'ok')
    },
    60_000,
  )
})

t.test('a flush settles what the database has', async (t) => {
  const id = await place('CUP', '?wait=persisted&wait_ms=30000')
  await until('it is settled', async () => (await dirty())['dirty']?.toString() === '')
  // As it stands when a worker ends between its commit and the settling.
  const bucket = Number.parseInt(id.slice(-2), 16) % 64
  await redisAt(t, env['REDIS_ADDR']).zadd(`{${bucket}}:${env['NAMESPACE']}orders:sent`, Date.now(), `${id}:1`)
  t.match(await dirty(), { count: { sent: 1 } })
  t.match(await flush({}), { status: 200, body: { published: 0, settled: 1, waiting: 0 } })
  t.match(await dirty(), { count: { unsent: 0, sent: 0, parked: 0 } })
})

t.test('a receipt follows a record from accepted to indexed, parked and deleted', async (t) => {
  const id = await place('JUG', '?wait=persisted&wait_ms=30000')
  const hasEngine = env['ELASTICSEARCH_URL'] !== ''
  if (hasEngine) {
    const indexed = await statusWhere(id, 'it is indexed', (body) => body['status'] === 'indexed')
    t.match(indexed, { index: { state: 'ok', version: 1, deleted: false, current: true }, parked: [], dirty: [] })
  }
  await pg.query(`ALTER TABLE orders ADD CONSTRAINT no_owls CHECK (product_name <> 'NO OWL') NOT VALID`)
  await patch(`${url}/api/orders/${id}`, { product_name: 'NO OWL' })
  // Redis is asked after Postgres: its mark may be there before the ledger's row is seen.
  const isSeen = (body: Record<string, unknown>) => body['status'] === 'parked' && String(body['parked']) !== ''
  const parked = await statusWhere(id, 'it is parked, by mark and ledger', isSeen)
  t.match(parked, {
    version: 2,
    cache: { version: 2 },
    postgres: { version: 1 },
    parked: [{ version: 2, state: 'PARKED', code: 'sql-23514', reason: 'the database refuses this version' }],
  })
  const [{ n = 0 } = {}] = (await pg.query<{ n: number }>('SELECT n FROM parked WHERE id = $1', [id])).rows
  await post(`${url}/api/admin/parked/${n}/discard`, { reason: 'no owls' })
  t.equal((await remove(`${url}/api/orders/${id}?wait=persisted&wait_ms=30000`)).status, 200)
  t.match((await status(id)).body, { version: 2, cache: { deleted: true }, postgres: { version: 2, deleted: true } })
  t.equal((await get(`${url}/api/orders/${id}`)).status, 404, 'though it reads as deleted')
})

t.test('stores that are away are said to be; unknown is 404 only if all of them answer', async (t) => {
  const id = await place('POT', '?wait=persisted&wait_ms=30000')
  await until('it is settled', async () => (await dirty())['dirty']?.toString() === '')
  t.equal((await status(nowhere)).status, 404)
  t.equal((await get(`${url}/api/orders/x/status`)).status, 422)
  for (const [name, way] of [
    ['cache', ways.redis],
    ['postgres', ways.postgres],
    ['index', ways.engine],
  ] as const) {
    if (name === 'index' && env['ELASTICSEARCH_URL'] === '') continue
    way.cut()
    const { status: code, body } = await status(id)
    t.equal(code, 200, name)
    t.match(body, { version: 1, [name]: { state: 'away', version: null } })
    t.equal(body['dirty'] === null, name === 'cache')
    t.equal(body['parked'] === null, name === 'postgres')
    t.match(body['status'], name === 'index' ? 'persisted' : /persisted|indexed/)
    t.match(await status(nowhere), { status: 503, body: { code: 'store-away' } }, `${name} is away`)
    way.mend()
    await until(`${name} is back`, async () => (await status(nowhere)).status === 404)
  }
})
