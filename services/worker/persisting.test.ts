import { environment } from '@ordermill/config'
import { createDatabase, createReader } from '@ordermill/database'
import { orders } from '@ordermill/model'
import { firstOrder, orderChain } from '@ordermill/model/testing'
import { createPublisher, type OutgoingMessage, recordMessage, topologyOf } from '@ordermill/queue'
import { corner, until } from '@ordermill/servers/testing'
import t from 'tap'
import { startTestWorker } from '../testing.ts'

const { env, namespace } = await corner(t, environment())
const onLost = () => undefined
const database = createDatabase({
  dsn: env['POSTGRES_DSN'] ?? '',
  name: 'test',
  poolMax: 3,
  timeout_ms: 10_000,
  onLost,
})
t.teardown(() => database.stop())
const stored = createReader(database, orders)
const topology = topologyOf(['orders'], { namespace, lengthMax: 1_000_000 })
const { persist = '' } = topology.collections[0] ?? {}
const urls = [env['RABBITMQ_URL'] ?? '']
const publisher = createPublisher({ urls, name: 'p', topology, window: 4_096, timeout_ms: 10_000, onLost })
t.teardown(() => publisher.stop(0))
await publisher.ready
interface SetAside {
  code: string
  reason: string
  body: Buffer
}
const setAside = () => database.query<SetAside>({ text: 'SELECT code, reason, body FROM parked' })
await startTestWorker(t, env)

const envelope = { exchange: topology.exchange, collection: 'orders', type: orders.type }
const messageOf = (version: Parameters<typeof recordMessage>[0]) => recordMessage(version, envelope)
const persisted = (ids: string[]) =>
  until('all are persisted', async () => (await stored.readMany(ids)).every((version) => version !== undefined), 30_000)

t.test(
  'messages that cannot be read are parked with their reason among 1,000 good ones, which are all persisted',
  async (t) => {
    await database.query({ text: `ALTER TABLE orders ADD CHECK (product_name <> 'forbidden')` })
    const good = Array.from({ length: 1_000 }, () => firstOrder())
    const victim = firstOrder()
    const forbidden = firstOrder({ product_name: 'forbidden' })
    const [first, second, third] = orderChain()
    const fork = firstOrder({ amount: 5 }, { id: first.id })
    const plain = (body: string | Buffer, properties: object): OutgoingMessage => {
      const whole = { messageId: 'none', type: orders.type, ...properties }
      return { exchange: '', routingKey: persist, body: Buffer.from(body), properties: whole }
    }
    const having = (headers: object): OutgoingMessage => {
      const { properties, ...message } = messageOf(victim)
      return { ...message, properties: { ...properties, headers: { ...properties.headers, ...headers } } }
    }
    const bad: [OutgoingMessage, string, RegExp][] = [
      [plain('not JSON', { headers: { id: 'a', version: 1, hash: 'h' } }), 'unreadable', /not a JSON object/],
      [plain('{"half":', { headers: { id: 'a', version: 1, hash: 'h' } }), 'unreadable', /not JSON/],
      [
        plain(Buffer.from([0x7b, 0xff, 0xfe, 0x00]), { headers: { id: 'a', version: 1, hash: 'h' } }),
        'unreadable',
        /not JSON/,
      ],
      [plain('', {}), 'unreadable', /header id is missing/],
      [plain(victim.text, { headers: {} }), 'unreadable', /header id is missing/],
      [
        plain(victim.text, { type: 'parcels.v1', headers: { id: 'a', version: 1, hash: 'h' } }),
        'unknown-type',
        /parcels\.v1/,
      ],
      [having({ hash: 'A'.repeat(22) }), 'hash-mismatch', /hash/],
      [having({ version: 9 }), 'unreadable', /headers id and version/],
      [messageOf(forbidden), 'sql-23514', /check constraint/],
      [messageOf(fork), 'conflict', /was built on nothing/],
    ]
    await publisher.publish(messageOf(first))
    await persisted([first.id])
    const step = Math.floor(good.length / bad.length)
    const stream = good.flatMap((order, at) => {
      const spoilt = at % step === 0 ? bad[at / step] : undefined
      return spoilt === undefined ? [messageOf(order)] : [spoilt[0], messageOf(order)]
    })
    await Promise.all([...stream, messageOf(second), messageOf(third)].map((message) => publisher.publish(message)))
    await persisted(good.map(({ id }) => id))
    const rows = await until('all bad ones are parked', async () => {
      const found = await setAside()
      return found.length >= bad.length && found
    })
    for (const [message, code, reason] of bad) {
      const same = rows.filter((row) => row.code === code && row.body.equals(message.body))
      t.ok(same.length > 0, `${code}: ${message.body.toString().slice(0, 20)}`)
      t.ok(
        same.some((row) => reason.test(row.reason)),
        String(reason),
      )
    }
    t.equal(rows.length, bad.length, 'and nothing else')
    await until('the chain is persisted', async () => (await stored.read(first.id))?.hash === third.hash)
    t.equal(await stored.read(victim.id), undefined)
    const [row] = await database.query<{ count: number }>({ text: 'SELECT count(*) AS count FROM orders' })
    t.equal(row?.count, 1_001)
  },
)

t.test('whatever comes twice is persisted once', async (t) => {
  const all = Array.from({ length: 300 }, () => firstOrder())
  const [first, second] = orderChain()
  const before = (await setAside()).length
  const versions = [...all, first, second, ...all, first, second]
  await Promise.all(versions.map((version) => publisher.publish(messageOf(version))))
  const last = firstOrder()
  await publisher.publish(messageOf(last))
  await persisted([last.id])
  const [row] = await database.query<{ rows: number; history: number }>({
    text: `SELECT (SELECT count(*) FROM orders WHERE id = ANY($1::uuid[])) AS rows,
      (SELECT count(*) FROM orders_history WHERE id = ANY($1::uuid[])) AS history`,
    values: [versions.map(({ id }) => id)],
  })
  t.same(row, { rows: 301, history: 1 })
  t.equal((await setAside()).length, before)
})
