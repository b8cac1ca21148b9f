import { connectCache, createRecordCache } from '@ordermill/cache'
import { environment } from '@ordermill/config'
import { orders } from '@ordermill/model'
import { firstOrder, nextOrder } from '@ordermill/model/testing'
import { createPublisher, type OutgoingMessage, recordMessage, topologyOf } from '@ordermill/queue'
import { corner, until } from '@ordermill/servers/testing'
import { Client } from 'pg'
import t from 'tap'
import { get, many, patch, post, startTestApi, startTestWorker } from '../testing.ts'

const { env, namespace } = await corner(t, environment())
const { url } = await startTestApi(t, env)
const worker = await startTestWorker(t, env)
const parkedUrl = `${url}/api/admin/parked`
const pg = new Client(env['POSTGRES_DSN'])
await pg.connect()
t.teardown(() => pg.end())
const client = connectCache({
  urls: [`redis://${env['REDIS_ADDR']}`],
  timeout_ms: 5_000,
  onError: () => undefined,
  onReady: () => undefined,
})
t.teardown(() => client.disconnect())
const cache = createRecordCache({ client, collection: orders.name, namespace, dirtyLimit: 500_000 })
const topology = topologyOf([orders.name], { namespace, lengthMax: 1_000_000 })
const publisher = createPublisher({
  urls: [env['RABBITMQ_URL'] ?? ''],
  name: 'parked-test',
  topology,
  window: 4_096,
  timeout_ms: 10_000,
  onLost: () => undefined,
})
t.teardown(() => publisher.stop(0))
await publisher.ready
const messageOf = (version: Parameters<typeof recordMessage>[0]) =>
  recordMessage(version, {
    exchange: topology.exchange,
    collection: orders.name,
    type: orders.type,
    correlationId: 'test-4711',
  })

interface Row {
  n: number
  code: string
  reason: string
  state: string
  attempts: number
  replays: number
  body: Buffer
}
const rowsOf = async (id: string): Promise<Row[]> => {
  const { rows } = await pg.query<Row>('SELECT * FROM parked WHERE id = $1', [id])
  return rows.map((row) => ({ ...row, n: Number(row.n) }))
}
const parkedOf = (id: string, attempts = 1) =>
  until(`${id} is parked for the ${attempts}. time`, async () => {
    const [row] = await rowsOf(id)
    return row?.state === 'PARKED' && row.attempts >= attempts && row
  })
const persisted = (id: string) =>
  until('it is persisted', async () => (await pg.query('SELECT 1 FROM orders WHERE id = $1', [id])).rowCount === 1)

t.test(
  'one poison message among 10,000 is parked with its reason, the others are persisted; mended, it is replayed',
  async (t) => {
    await pg.query(`ALTER TABLE orders ADD CONSTRAINT no_owls CHECK (product_name <> 'JUMBO BAG OWLS')`)
    const poison = await post(`${url}/api/orders`, { product_name: 'JUMBO BAG OWLS', amount: 1 })
    t.equal(poison.status, 202)
    const id = String(poison.body['order_id'])
    const good = Array.from({ length: 9_999 }, () => firstOrder())
    await many(good.length, 1_000, async (at) => {
      const order = good[at]
      if (order !== undefined) await publisher.publish(messageOf(order))
    })
    const { n } = await parkedOf(id)
    await until(
      'the others are persisted',
      async () => (await pg.query<{ count: string }>('SELECT count(*) FROM orders')).rows[0]?.count === '9999',
      60_000,
    )
    await until('its mark says so', async () => (await cache.dirty()).parked === 1)
    t.match(await cache.dirty(), { unsent: 0, sent: 0, parked: 1 })

    const list = await get(`${parkedUrl}?code=sql-23514`)
    t.match(list.body, {
      groups: [{ code: 'sql-23514', count: 1, reason: /no_owls/ }],
      parked: [{ n, id, version: 1, attempts: 1, replays: 0, state: 'PARKED' }],
    })
    const shown = await get(`${parkedUrl}/${n}`)
    t.match(shown.body, { n, body_encoding: 'utf-8', headers: { id, 'parked-code': 'sql-23514' }, discards: [] })
    t.equal(shown.body['body'], (await cache.read(id))?.text, 'the bytes are those that were accepted')
    t.match(await (await fetch(`${worker.address}/metrics`)).text(), /parked_records\{[^}]*code="sql-23514"[^}]*\} 1/)

    const no = await post(`${parkedUrl}/${n}/dry-run`, undefined)
    t.match(no, { status: 200, body: { passes: false, code: 'sql-23514', reason: /no_owls/ } })
    await pg.query('ALTER TABLE orders DROP CONSTRAINT no_owls')
    const yes = await post(`${parkedUrl}/${n}/dry-run`, undefined)
    t.match(yes, { status: 200, body: { passes: true, outcome: 'inserted', code: null } })
    t.equal((await pg.query('SELECT 1 FROM orders WHERE id = $1', [id])).rowCount, 0, 'which wrote nothing')

    t.match(await post(`${parkedUrl}/${n}/replay`, {}), { status: 200, body: { replayed: 1, held: 0 } })
    await persisted(id)
    await until('its mark is gone', async () => (await cache.dirty()).parked === 0)
    t.match(await rowsOf(id), [{ n, state: 'REPLAYED', attempts: 1 }])
    t.equal((await get(`${parkedUrl}?state=REPLAYED`)).status, 200)
    t.match(await post(`${parkedUrl}/${n}/replay`, {}), { status: 409, body: { code: 'ended' } })
  },
)

t.test('a true conflict comes back with one attempt more, and after three replays only force replays it', async (t) => {
  const first = firstOrder()
  const fork = firstOrder({ amount: 2 }, { id: first.id })
  await publisher.publish(messageOf(first))
  await persisted(first.id)
  await publisher.publish(messageOf(fork))
  const { n } = await parkedOf(first.id)
  t.match((await post(`${parkedUrl}/${n}/dry-run`, undefined)).body, { passes: false, code: 'conflict' })
  for (const attempts of [2, 3, 4]) {
    t.match(await post(`${parkedUrl}/${n}/replay`, {}), { status: 200, body: { replayed: 1 } })
    t.match(await parkedOf(first.id, attempts), { n, attempts, replays: attempts - 1, code: 'conflict' })
  }
  t.match(await post(`${parkedUrl}/${n}/replay`, {}), { status: 409, body: { code: 'loop' } })
  t.match(await post(`${parkedUrl}/replay`, { code: 'conflict' }), { status: 200, body: { replayed: 0, held: 1 } })
  t.match(await post(`${parkedUrl}/${n}/replay`, { force: true }), { status: 200, body: { replayed: 1 } })
  t.match(await parkedOf(first.id, 5), { n, replays: 4, body: Buffer.from(fork.text) })
  t.equal((await rowsOf(first.id)).length, 1)
})

t.test('a discard takes the version out of the cache, and says who did it and why', async (t) => {
  const placed = await post(`${url}/api/orders?wait=persisted&wait_ms=30000`, { product_name: 'LANTERN', amount: 3 })
  const id = String(placed.body['order_id'])
  await pg.query(`ALTER TABLE orders ADD CONSTRAINT no_bags CHECK (product_name <> 'RED BAG')`)
  t.teardown(() => pg.query('ALTER TABLE orders DROP CONSTRAINT no_bags'))
  const changed = await patch(`${url}/api/orders/${id}?wait=persisted&wait_ms=30000`, { product_name: 'RED BAG' })
  t.match(changed, { status: 202, body: { status: 'parked' } })
  const { n } = await parkedOf(id)
  await until('its mark says so', async () => (await cache.dirty()).parked === 1)
  t.match((await get(`${url}/api/orders/${id}`)).body, { product_name: 'RED BAG', version: 2 })

  t.match(await post(`${parkedUrl}/${n}/discard`, {}), { status: 422, body: { errors: [{ pointer: '/reason' }] } })
  const why = { reason: 'there are no red bags', by: 'sam' }
  const discarded = await post(`${parkedUrl}/${n}/discard`, why)
  t.match(discarded, { status: 200, body: { n, state: 'DISCARDED', discards: [why] } })
  t.match(await cache.dirty(), { unsent: 0, sent: 0, parked: 0 })
  const left = await get(`${url}/api/orders/${id}`)
  t.match(left.body, { product_name: 'LANTERN', version: 1 }, 'what Postgres has is read again')
  t.match(await post(`${parkedUrl}/${n}/discard`, why), { status: 409, body: { code: 'ended' } })
})

t.test(
  'bytes and headers that are no text are kept as they came, and the same thing is parked in one row',
  async (t) => {
    const odd: OutgoingMessage = {
      exchange: '',
      routingKey: topology.collections[0]?.persist ?? '',
      body: Buffer.from([0, 255, 123, 13, 10]),
      properties: { messageId: 'odd', type: orders.type, headers: { note: 'a\u0000b', raw: Buffer.from([1, 255]) } },
    }
    const find = async () => (await pg.query<Row>("SELECT * FROM parked WHERE body = '\\x00ff7b0d0a'")).rows
    await publisher.publish(odd)
    await until('it is parked', async () => (await find()).length === 1)
    await publisher.publish(odd)
    const row = await until('it is parked again', async () => (await find()).find(({ attempts }) => attempts === 2))
    t.equal((await find()).length, 1)
    const shown = await get(`${parkedUrl}/${row.n}`)
    t.match(shown.body, { body: 'AP97DQo=', body_encoding: 'base64', id: null, code: 'unreadable' })
    t.match(shown.body['headers'], { note: 'a\u0000b' })
    t.match(await post(`${parkedUrl}/${row.n}/dry-run`, undefined), { status: 200, body: { passes: false } })
    t.match(await post(`${parkedUrl}/${row.n}/replay`, {}), { status: 200 })
    await until('it came back as the same', async () => (await find()).find(({ attempts }) => attempts === 3))
    t.equal((await find()).length, 1)
  },
)

t.test('what an older worker could not read is replayed by one that can, when it starts', async (t) => {
  const order = firstOrder()
  await publisher.publish(messageOf(order))
  await persisted(order.id)
  const later = nextOrder(order, { amount: 5 })
  await pg.query(
    `INSERT INTO parked (collection, identity, routing_key, type, id, version, hash, code, reason, fingerprint, body, headers, properties)
      VALUES ('orders', $1, 'orders', $2, $3, 2, $4, 'unknown-type', 'older', 'f', $5, $6, $7)`,
    [
      'later',
      orders.type,
      later.id,
      later.hash,
      Buffer.from(later.text),
      messageOf(later).properties.headers,
      { type: orders.type, messageId: `${later.id}:2` },
    ],
  )
  await startTestWorker(t, env)
  await until('it is persisted', async () => {
    const { rows } = await pg.query<{ version: number }>('SELECT version FROM orders WHERE id = $1', [later.id])
    return rows[0]?.version === 2
  })
  await until('its row says so', async () => (await rowsOf(later.id))[0]?.state === 'REPLAYED') // it may be persisted first
})
