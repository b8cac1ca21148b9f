import { environment } from '@ordermill/config'
import { createDatabase } from '@ordermill/database'
import { startServer } from '@ordermill/servers'
import { corner, redisAt, until } from '@ordermill/servers/testing'
import t, { type Test } from 'tap'
import { type Answer, get, many, patch, post, startTestApi, startTestWorker } from './testing.ts'

/** API and worker on a Redis of their own, and a client that remembers what it was told. */
const start = async (t: Test) => {
  const { env: shared } = await corner(t, environment())
  const redis = await startServer('redis', { env: environment() })
  t.teardown(() => redis.remove())
  const env = { ...shared, REDIS_ADDR: redis.url, LOG_LEVEL: 'silent' }
  const { url } = await startTestApi(t, env)
  const dsn = shared['POSTGRES_DSN'] ?? ''
  const database = createDatabase({ dsn, name: 'test', poolMax: 2, timeout_ms: 5_000, onLost: () => undefined })
  t.teardown(() => database.stop())
  const orders = `${url}/api/orders`
  /** What stands for each order: its newest version that was answered 202, and the amount it has. */
  const told = new Map<string, { version: number; amount: number }>()
  const refused = new Map<string, number>()
  const note = ({ status, body }: Answer, amount: number) => {
    const { order_id: id, version, code } = body as { order_id: string; version: number; code: string }
    if (status === 202) told.set(id, { version, amount })
    else refused.set(code, (refused.get(code) ?? 0) + 1)
    return status === 202 ? id : undefined
  }
  let amount = 0
  const place = async (headers: Record<string, string> = {}) => {
    const mine = ++amount
    const answer = await post(orders, { product_name: 'TEA', amount: mine }, headers)
    note(answer, mine)
    return answer
  }
  const change = async (id: string) => {
    const mine = ++amount
    const answer = await patch(`${orders}/${id}`, { amount: mine })
    note(answer, mine)
    return answer
  }
  const count = async (sql: string) => (await database.query<{ n: number }>({ text: sql }))[0]?.n
  /** Everything that was told is persisted as it was told, and nothing was parked. */
  const check = async (t: Test) => {
    await until(
      'all is persisted',
      async () => {
        const rows = await database.query<{ id: string; version: number; amount: string }>({
          text: 'SELECT id, version, amount FROM orders',
        })
        const found = new Map(rows.map(({ id, version, amount }) => [id, { version, amount: Number(amount) }]))
        const missing = [...told].filter(([id, { version, amount }]) => {
          const row = found.get(id)
          return row?.version !== version || row.amount !== amount
        })
        return missing.length === 0
      },
      60_000,
    )
    t.equal(await count('SELECT count(*) AS n FROM parked'), 0, 'nothing was parked')
  }
  return { url, orders, env, redis, told, refused, place, change, check, count }
}

t.test(
  'Redis wiped under creates and changes: nothing is lost or parked, no reader is told that an order is not there',
  async (t) => {
    const { orders, env, redis, told, refused, place, change, check } = await start(t)
    await startTestWorker(t, env)
    const ids = () => [...told.keys()]
    await many(200, 10, async () => void (await place()))
    await until('a change passes', async () => (await change(ids()[0] ?? '')).status === 202)
    const admin = redisAt(t, redis.url)
    const gone: string[] = []
    let wiped = 0
    await many(360, 10, async (at) => {
      if (at % 120 === 60) {
        await admin.flushall()
        wiped += 1
      }
      const answer = await place()
      const id = String(answer.body['order_id'])
      const read = await get(`${orders}/${id}`)
      if (read.status !== 200 && read.status !== 503) gone.push(`${id}: ${read.status}`)
      await change(ids()[at % told.size] ?? '')
    })
    t.equal(wiped, 3)
    t.same(gone, [])
    t.ok((refused.get('catching-up') ?? 0) > 0, 'changes had to wait')
    t.same(
      [...refused.keys()].filter((code) => code !== 'catching-up' && code !== 'outcome-open'),
      [],
    )
    const some = ids()[5] ?? ''
    await until('changes pass again', async () => (await change(some)).status === 202, 10_000)
    t.equal((await place({ 'idempotency-key': 'k-1' })).status, 202)
    await check(t)
  },
)

t.test(
  'Redis away: new orders go on by the broker alone and say so, what needs the cache is told to come again',
  async (t) => {
    const { orders, env, redis, told, place, change, check } = await start(t)
    await many(20, 5, async () => void (await place()))
    const [known = ''] = told.keys()
    await redis.kill('SIGKILL')
    const direct = await until('an order goes past the cache', async () => {
      const answer = await place()
      return answer.headers.get('x-cache') === 'BYPASS' && answer
    })
    t.equal(direct.status, 202)
    const id = String(direct.body['order_id'])
    t.match(await change(known), { status: 503, body: { code: 'cache-away' } })
    t.match(await place({ 'idempotency-key': 'k-2' }), { status: 503, body: { code: 'cache-away' } })
    t.match(await get(`${orders}/${id}`), { status: 503, body: { code: 'cache-away' } }, 'it may be on its way')

    await redis.start()
    await until('the cache is back', async () => (await get(`${orders}/${id}`)).body['code'] === 'catching-up')
    t.match(await change(id), { status: 503, body: { code: 'catching-up' } })
    await startTestWorker(t, env)
    await until('it is persisted', async () => (await get(`${orders}/${id}`)).status === 200)
    await until('it can be changed', async () => (await change(id)).status === 202)
    t.equal((await change(known)).status, 202)
    await check(t)
  },
)

t.test('Redis and broker away: 503 within a second, and what was refused never turns up', async (t) => {
  const broker = await startServer('rabbitmq', { env: environment() })
  t.teardown(() => broker.remove())
  const { env: shared } = await corner(t, environment())
  const redis = await startServer('redis', { env: environment() })
  t.teardown(() => redis.remove())
  const env = { ...shared, REDIS_ADDR: redis.url, RABBITMQ_URL: broker.url, LOG_LEVEL: 'silent' }
  const { url } = await startTestApi(t, env)
  const order = { product_name: 'TEA', amount: 1 }
  await startTestWorker(t, env)
  await until(
    'an order is persisted',
    async () => (await post(`${url}/api/orders?wait=persisted`, order)).status === 201,
  )
  const before = await listed(url)
  await Promise.all([redis.kill('SIGKILL'), broker.kill('SIGKILL')])
  await until(
    'both losses are known',
    async () => (await post(`${url}/api/orders`, order)).body['code'] === 'cache-away',
  )
  for (let tries = 0; tries < 20; tries += 1) {
    const started = performance.now()
    const { status, headers } = await post(`${url}/api/orders`, order)
    const took_ms = performance.now() - started
    t.match(
      { status, isFast: took_ms < 1_000, again: headers.get('retry-after') },
      { status: 503, isFast: true, again: /^[1-9]/ },
    )
  }
  await Promise.all([redis.start(), broker.start()])
  const last = await until('orders are taken again', async () => {
    const answer = await post(`${url}/api/orders?wait=persisted`, order)
    return answer.status === 201 && answer
  })
  const after = await listed(url)
  t.same(after.slice(before.length), [last.body['order_id']], 'the last one, none of those between')
})

/** The ids of all orders that are persisted, oldest first. */
async function listed(url: string): Promise<string[]> {
  const { body } = await get(`${url}/api/orders?limit=100`)
  return (body['orders'] as { id: string }[]).map(({ id }) => id).reverse()
}
