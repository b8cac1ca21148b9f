import { environment } from '@ordermill/config'
import { createDatabase, createReader } from '@ordermill/database'
import { memberId, newId, orders, type Version } from '@ordermill/model'
import { firstOrder, nextOrder } from '@ordermill/model/testing'
import { bulkMessage, createPublisher, recordMessage, topologyOf } from '@ordermill/queue'
import { corner, until } from '@ordermill/servers/testing'
import { Client } from 'pg'
import t from 'tap'
import { startTestWorker } from '../testing.ts'

const { env, namespace } = await corner(t, environment())
const dsn = env['POSTGRES_DSN'] ?? ''
const onLost = () => undefined
const database = createDatabase({ dsn, name: 'test', poolMax: 3, timeout_ms: 10_000, onLost })
t.teardown(() => database.stop())
const stored = createReader(database, orders)
const topology = topologyOf(['orders'], { namespace, lengthMax: 1_000_000 })
const urls = [env['RABBITMQ_URL'] ?? '']
const publisher = createPublisher({ urls, name: 'p', topology, window: 4_096, timeout_ms: 10_000, onLost })
t.teardown(() => publisher.stop(0))
await publisher.ready
const envelope = { exchange: topology.exchange, collection: 'orders', type: orders.type }
const send = (versions: Version[]) =>
  Promise.all(versions.map((version) => publisher.publish(recordMessage(version, envelope))))
const persisted = (versions: Version[]) =>
  until(
    'all are persisted',
    async () => {
      const found = await stored.readMany(versions.map(({ id }) => id)).catch(() => [])
      return found.length > 0 && versions.every(({ hash }, at) => found[at]?.hash === hash)
    },
    60_000,
  )
const run = (text: string) => database.query({ text })
const parked = () =>
  database.query<{ id: string | null; code: string; reason: string }>({ text: 'SELECT id, code, reason FROM parked' })
const many = (count: number) => Array.from({ length: count }, () => firstOrder())
/** Runs a statement in a transaction that somebody else holds open. */
const holdOpen = async (text: string) => {
  const client = new Client(dsn)
  await client.connect()
  await client.query('BEGIN')
  await client.query(text)
  return () => client.end()
}
/** Waits until the worker has met this failure so often. */
const failures = (statement: string, count: number) =>
  until(
    `${statement} has failed ${count} times`,
    async () => {
      const [row] = await database.query<{ count: number }>({ text: `SELECT last_value AS count FROM ${statement}` })
      return (row?.count ?? 0) >= count
    },
    60_000,
  )

await run('CREATE SEQUENCE tries')
await run(`CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF NEW.product_name = 'BROKEN' THEN PERFORM nextval('tries'); RAISE 'a broken page' USING ERRCODE = 'XX001'; END IF;
  IF NEW.product_name = 'SLOW' THEN PERFORM pg_sleep(60); END IF;
  RETURN NEW; END $$`)
await run('CREATE TRIGGER spoil BEFORE INSERT OR UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION spoil()')
const worker = await startTestWorker(t, { ...env, MESSAGE_TIMEOUT_MS: '2000' })

t.test('a record that makes Postgres fail each time is parked, all others of its batch are persisted', async (t) => {
  const [broken, slow] = [firstOrder({ product_name: 'BROKEN' }), firstOrder({ product_name: 'SLOW' })]
  const good = many(200)
  await send([...good.slice(0, 77), broken, ...good.slice(77)])
  await persisted(good)
  const more = many(40)
  await send([...more.slice(0, 30), slow, ...more.slice(30)])
  await persisted(more)
  const rows = await until(
    'both are parked',
    async () => {
      const found = await parked()
      return found.length >= 2 && found
    },
    60_000,
  )
  const byId = new Map(rows.map((row) => [row.id, row]))
  t.match(byId.get(broken.id), { code: 'unpersistable', reason: 'database-XX001: a broken page' })
  t.match(byId.get(slow.id), { code: 'unpersistable', reason: /57014.*statement timeout|deadline/ })
  t.equal(rows.length, 2)
})

t.test('a bulk that makes Postgres fail each time is parked, and the next one is persisted', async (t) => {
  const before = (await parked()).length
  const bulkOf = (product_name: string) => {
    const id = newId()
    const { text } = firstOrder({ product_name }, { id: memberId(id, 0) })
    return {
      id,
      message: bulkMessage(
        { id, fingerprint: 'f', texts: [text], correlationId: undefined },
        { ...envelope, replyTo: undefined },
      ),
    }
  }
  const [bad, good] = [bulkOf('BROKEN'), bulkOf('CUP')]
  for (const { message } of [bad, good]) await publisher.publish(message)
  await until('the good one is persisted', () => stored.read(memberId(good.id, 0)))
  await until('the bad one is parked', async () => (await parked()).length === before + 1)
  t.equal((await parked()).filter(({ code }) => code === 'unpersistable').length, before + 1)
})

t.test(
  'nobody is parked while a table, a row or the lock of the collection is held by somebody else, nor while all fail',
  async (t) => {
    const before = (await parked()).length
    await worker.stop()
    await startTestWorker(t, { ...env, MESSAGE_TIMEOUT_MS: '1000' })
    const order = firstOrder()
    await send([order])
    await persisted([order])
    const holds = [
      `SELECT FROM orders WHERE id = '${order.id}' FOR UPDATE`,
      'LOCK TABLE orders_history IN SHARE MODE',
      'LOCK TABLE orders IN SHARE MODE',
      'UPDATE orders SET quantity = quantity WHERE false',
    ]
    let current = order
    for (const hold of holds) {
      const letGo = await holdOpen(hold)
      const good = many(20)
      current = nextOrder(current, { amount: holds.indexOf(hold) + 20 })
      await send([...good, current])
      const started = performance.now()
      await until(
        'it has held up the worker for longer than it keeps deliveries',
        () => performance.now() - started > 4_000,
      )
      await letGo()
      await persisted([...good, current])
      t.equal((await parked()).length, before, hold)
    }
    await run(`CREATE OR REPLACE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    PERFORM nextval('tries'); RAISE 'a far away service is down' USING ERRCODE = 'HV00N'; END $$`)
    await run(`SELECT setval('tries', 1)`)
    const late = many(1)
    await send(late)
    await failures('tries', 25)
    await run('DROP TRIGGER spoil ON orders')
    await persisted(late)
    t.equal((await parked()).length, before, 'a trigger that fails for all')
  },
)
