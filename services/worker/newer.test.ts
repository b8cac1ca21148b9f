import { environment, readOptions } from '@ordermill/config'
import { createDatabase, createReader } from '@ordermill/database'
import { orders, type Version } from '@ordermill/model'
import { firstOrder } from '@ordermill/model/testing'
import { createPublisher, recordMessage, topologyOf } from '@ordermill/queue'
import { corner, until } from '@ordermill/servers/testing'
import { createLogger } from '@ordermill/telemetry'
import t from 'tap'
import { workerOptionNames } from './options.ts'
import { startWorker } from './worker.ts'

const { env, namespace } = await corner(t, environment())
const onLost = () => undefined
const database = createDatabase({
  dsn: env['POSTGRES_DSN'] ?? '',
  name: 'test',
  poolMax: 2,
  timeout_ms: 10_000,
  onLost,
})
t.teardown(() => database.stop())
const stored = createReader(database, orders)
const topology = topologyOf(['orders'], { namespace, lengthMax: 1_000_000 })
const publisher = createPublisher({
  urls: [env['RABBITMQ_URL'] ?? ''],
  name: 'p',
  topology,
  window: 64,
  timeout_ms: 10_000,
  onLost,
})
t.teardown(() => publisher.stop(0))
await publisher.ready
const send = (version: Version) =>
  publisher.publish(recordMessage(version, { exchange: topology.exchange, collection: 'orders', type: orders.type }))
const start = async (type: string) => {
  const log = createLogger({ service: 'worker', level: 'silent' })
  const worker = await startWorker(readOptions(env, workerOptionNames), log, { ...orders, type })
  t.teardown(() => worker.stop())
  return worker
}
const parked = () =>
  database.query<{ state: string; replays: number }>({
    text: `SELECT state, replays FROM parked WHERE code = 'unknown-type' ORDER BY n`,
  })

t.test(
  'what an old worker parks beside a new one waits until the new one gets the deliveries, and is replayed once then',
  async (t) => {
    const old = await start('orders.v0')
    const early = firstOrder()
    await send(early)
    await until('the old one has parked it', async () => (await parked()).length === 1)
    await start(orders.type)
    const late = firstOrder()
    await send(late)
    await until('the old one has parked that too', async () => (await parked()).length === 2)
    const looked = performance.now()
    await until('the new one had time to look', () => performance.now() - looked > 5_000)
    t.same(
      await parked(),
      [
        { state: 'PARKED', replays: 0 },
        { state: 'PARKED', replays: 0 },
      ],
      'nothing goes to and fro',
    )
    await old.stop()
    const left = performance.now()
    await until('both are persisted', async () =>
      (await stored.readMany([early.id, late.id])).every((one) => one !== undefined),
    )
    t.comment(`${Math.round(performance.now() - left)} ms after the old one left`)
    const [row] = await database.query<{ most: number; jobs: number }>({
      text: `SELECT (SELECT max(replays) FROM parked) AS most, (SELECT count(*) FROM jobs WHERE kind = 'replay-group') AS jobs`,
    })
    t.ok((row?.jobs ?? 9) <= 2, 'and nobody asks for ever')
  },
)
