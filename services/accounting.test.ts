import { once } from 'node:events'
import { environment } from '@ordermill/config'
import { corner, removeKeys, until } from '@ordermill/servers/testing'
import { Client } from 'pg'
import t from 'tap'
import { severable } from './api/testing.ts'
import { get, many, patch, post, remove, spawnService, startTestApi, startTestWorker } from './testing.ts'

const { env, namespace } = await corner(t, environment())
const { url } = await startTestApi(t, env)
const pg = new Client(env['POSTGRES_DSN'])
await pg.connect()
t.teardown(() => pg.end())

const ask = async () => await get(`${url}/api/admin/accounting`)
const exact = async () =>
  await until(
    'it is exact',
    async () => {
      const { status, body } = await ask()
      return status === 200 && body['exact'] === true && body
    },
    120_000,
  )
const place = async (product_name: string, wait = '') => {
  const { status, body } = await post(`${url}/api/orders${wait}`, { product_name, amount: 1 })
  if (status >= 300) throw new Error(`${status} ${JSON.stringify(body)}`)
  return String(body['order_id'])
}
const parkedOf = async (id: string) =>
  await until(
    `${id} is parked`,
    async () => (await pg.query<{ n: string }>('SELECT n FROM parked WHERE id = $1', [id])).rows[0]?.n,
    60_000,
  )
const countOf = async (sql: string) => Number((await pg.query<{ n: string }>(sql)).rows[0]?.n)
const admin = (path: string, body: unknown) => post(`${url}/api/admin/parked/${path}`, body)

t.test(
  'while orders flow, bulks are rolled back, versions parked, discarded and replayed, and the worker is killed',
  async (t) => {
    await pg.query(`ALTER TABLE orders ADD CONSTRAINT no_owls CHECK (product_name <> 'OWL')`)
    await pg.query(`ALTER TABLE orders ADD CONSTRAINT no_bats CHECK (product_name <> 'BAT')`)
    let worker = spawnService(t, 'worker', env)
    let accepted = 0
    const flow = many(300, 20, async (at) => {
      const id = await place(`TEAPOT ${at}`)
      accepted += 1
      if (at % 4 === 0 && (await patch(`${url}/api/orders/${id}`, { quantity: 2 })).status === 202) accepted += 1
      if (at % 8 === 0 && (await remove(`${url}/api/orders/${id}`)).status === 202) accepted += 1
    })
    const poison = await Promise.all(['OWL', 'OWL', 'BAT'].map((name) => place(name)))
    accepted += 3
    const loose = await ask()
    t.match(loose, { status: 200, body: { exact: false, bounds: { accepted: [], in_flight: [], difference: [] } } })
    const [least, most] = (loose.body['bounds'] as { difference: [number, number] }).difference
    t.ok(least <= 0 && most >= 0, `${least} to ${most}`)

    const killed = async () => {
      worker.child.kill('SIGKILL')
      await once(worker.child, 'exit')
      await pg.query('UPDATE leases SET expires_at = now()') // the next one need not wait for that
      return spawnService(t, 'worker', env)
    }
    const numbers = await Promise.all(poison.map(parkedOf))
    worker = await killed()
    const [first, second] = await Promise.all(
      ['ERROR', 'SAUCER'].map((name) =>
        post(`${url}/api/bulk-orders?wait_ms=30000`, {
          orders: ['CUP', 'JUG', name].map((product_name) => ({ product_name, amount: 2 })),
        }),
      ),
    )
    t.match([first?.status, second?.status], [422, 201])
    t.equal((await admin(`${numbers[1]}/discard`, { reason: 'no owls', by: 'sam' })).status, 200)
    await pg.query('ALTER TABLE orders DROP CONSTRAINT no_bats')
    t.equal((await admin(`${numbers[2]}/replay`, {})).status, 200)
    worker = await killed()
    await flow

    const account = await exact()
    t.match(account, {
      accepted: accepted + 6,
      persisted: accepted + 1, // without the two owls, with the bulk of three
      rejected: 3,
      discarded: 1,
      parked: 1,
      in_flight: 0,
      difference: 0,
      bulk_persisted: 3,
      bounds: null,
      uncached: { persisted: 3, rejected: 3, discarded: 0, parked: 0, in_flight: 0 },
      earlier: { persisted: 0 },
    })
    t.equal(
      account['persisted'],
      await countOf('SELECT (SELECT count(*) FROM orders) + (SELECT count(*) FROM orders_history) AS n'),
    )

    await pg.query('ALTER TABLE orders DROP CONSTRAINT no_owls')
    t.match(await admin('replay', {}), { status: 200, body: { replayed: 1 } })
    await until(
      'the owl is persisted',
      async () => (await countOf("SELECT count(*) AS n FROM orders WHERE product_name = 'OWL'")) === 1,
    )
    t.match(await exact(), { persisted: accepted + 2, parked: 0, discarded: 1, difference: 0 })

    const { since } = account as { since: string }
    await removeKeys(env['REDIS_ADDR'] ?? '', `{*}:${namespace}*`)
    const next = await exact()
    t.ok(Date.parse(String(next['since'])) > Date.parse(since), 'after Redis was wiped it says since when')
    t.match(next, {
      accepted: 6,
      persisted: 3,
      rejected: 3,
      parked: 0,
      difference: 0,
      earlier: { persisted: accepted - 1, discarded: 1 },
    })
    await place('LANTERN', '?wait=persisted&wait_ms=30000')
    t.match(await exact(), { accepted: 7, persisted: 4, difference: 0 })
    worker.child.kill('SIGTERM')
    await once(worker.child, 'exit')
  },
)

t.test('a version that is lost is a difference', async (t) => {
  await startTestWorker(t, env)
  const { difference } = await exact()
  await place('CANDLE', '?wait=persisted&wait_ms=30000')
  await pg.query('UPDATE accounting SET persisted = persisted - 1 WHERE epoch <> $1 AND persisted > 0', [''])
  t.equal(Number((await exact())['difference']) > Number(difference), true)
})

t.test('without Redis or Postgres there is no accounting, and it says so', async (t) => {
  const redis = new URL(`redis://${env['REDIS_ADDR']}`)
  const postgres = new URL(env['POSTGRES_DSN'] ?? '')
  const toRedis = await severable(t, redis.hostname, Number(redis.port))
  const toPostgres = await severable(t, postgres.hostname, Number(postgres.port))
  postgres.port = String(toPostgres.port)
  const { url: there } = await startTestApi(t, {
    ...env,
    REDIS_ADDR: `127.0.0.1:${toRedis.port}`,
    POSTGRES_DSN: postgres.href,
  })
  const asked = async () => await get(`${there}/api/admin/accounting`)
  await until('it answers', async () => (await asked()).status === 200)
  for (const [way, code] of [
    [toRedis, 'cache-away'],
    [toPostgres, 'database-away'],
  ] as const) {
    way.cut()
    t.match(await asked(), { status: 503, body: { code } })
    way.mend()
    await until('it answers again', async () => (await asked()).status === 200)
  }
})
