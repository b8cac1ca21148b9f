import { environment } from '@ordermill/config'
import { createDatabase, createLedger } from '@ordermill/database'
import { orders, Unavailable } from '@ordermill/model'
import { firstOrder } from '@ordermill/model/testing'
import { type Consumer, createConsumer, createPublisher, recordMessage, topologyOf } from '@ordermill/queue'
import { queueLength } from '@ordermill/queue/testing'
import { corner, until } from '@ordermill/servers/testing'
import { createLogger } from '@ordermill/telemetry'
import t, { type Test } from 'tap'
import { runDrainer } from './drainer.ts'

const { env, namespace } = await corner(t, environment())
const urls = [env['RABBITMQ_URL'] ?? '']
const topology = topologyOf([orders.name], { namespace, lengthMax: 1_000 })
const { parked = '' } = topology.collections[0] ?? {}
const log = createLogger({ service: 'test', level: 'silent' })
const onLost = () => undefined
const dsn = env['POSTGRES_DSN'] ?? ''
const database = createDatabase({ dsn, name: 'drainer', poolMax: 3, timeout_ms: 10_000, onLost })
t.teardown(() => database.stop())
const ledger = createLedger(database)
const publisher = createPublisher({ urls, name: 'drainer-test', topology, window: 100, timeout_ms: 5_000, onLost })
t.teardown(() => publisher.stop(0))
await publisher.ready

const park = async () => {
  const version = firstOrder()
  const message = recordMessage(version, { exchange: '', collection: orders.name, type: orders.type })
  const headers = { ...message.properties.headers, 'parked-code': 'conflict', 'parked-reason': 'r' }
  await publisher.publish({ ...message, routingKey: parked, properties: { ...message.properties, headers } })
  return version
}
const rowsOf = (id: string) =>
  database.query<{ attempts: number }>({ text: 'SELECT attempts FROM parked WHERE id = $1', values: [id] })

/** A drainer that can be cut off as a kill would do it: nothing that it has not done is done after. */
function start(t: Test, parts: Partial<Parameters<typeof runDrainer>[0]>) {
  const consumer: Consumer = createConsumer({
    urls,
    name: `drainer-${t.name.slice(0, 20)}`,
    topology,
    queue: parked,
    prefetch: 50,
    batchMax: 50,
    batchWait_ms: 0,
    onLost,
  })
  const stop = new AbortController()
  const cache = { park: async () => 0 }
  const running = runDrainer({ collection: orders, consumer, ledger, cache, log, stop: stop.signal, ...parts })
  const kill = async () => {
    stop.abort()
    await consumer.close()
    await running
  }
  t.teardown(kill)
  return kill
}

t.test('a worker that ends between the commit of the ledger and the ack leaves one row', async (t) => {
  const { id } = await park()
  const kept = Promise.withResolvers<void>()
  const cache = {
    async park() {
      kept.resolve()
      throw new Unavailable('cache-away', 'away')
    },
  }
  const kill = start(t, { cache })
  await kept.promise
  t.match(await rowsOf(id), [{ attempts: 1 }])
  await kill()
  await until('the queue has it back', async () => (await queueLength(urls[0] ?? '', parked)) === 1)
  start(t, {})
  await until('it came again', async () => (await rowsOf(id))[0]?.attempts === 2)
  t.equal((await rowsOf(id)).length, 1)
  await until('it is acked', async () => (await queueLength(urls[0] ?? '', parked)) === 0)
})

t.test('while Postgres is away parked messages wait, and are kept once it is back', async (t) => {
  let away = 3
  const flaky = {
    keep: async (messages: Parameters<typeof ledger.keep>[0]) => {
      if (away > 0) {
        away -= 1
        throw new Unavailable('database-away', 'away')
      }
      await ledger.keep(messages)
    },
  }
  start(t, { ledger: flaky })
  const { id } = await park()
  await until('it is kept', async () => (await rowsOf(id)).length === 1)
  t.equal(away, 0)
  t.match(await rowsOf(id), [{ attempts: 1 }])
})
