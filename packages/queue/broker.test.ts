import { environment } from '@ordermill/config'
import { startServer } from '@ordermill/servers'
import { until } from '@ordermill/servers/testing'
import t from 'tap'
import { createConsumer, createPublisher, PublishFailed, topologyOf } from './index.ts'
import { plainMessage, receive } from './testing.ts'

const server = await startServer('rabbitmq', { env: environment() })
t.teardown(() => server.remove())
const urls = [server.url]
const topology = topologyOf(['orders'], { namespace: '', lengthMax: 100_000 })
const queue = 'orders.persist'
const lost: Error[] = []
const publisher = createPublisher({
  urls,
  name: 'publisher',
  topology,
  window: 500,
  timeout_ms: 1_000,
  onLost: (error) => lost.push(error),
})
t.teardown(() => publisher.stop(0))
await publisher.ready
const consumer = createConsumer({
  urls,
  name: 'consumer',
  topology,
  queue,
  prefetch: 1_000,
  batchMax: 500,
  batchWait_ms: 10,
  onLost: () => undefined,
})
const received = receive(t, consumer)
await consumer.ready

const reasonOf = (id: string) =>
  publisher.publish(plainMessage(queue, id)).then(
    () => 'confirmed',
    (thrown: unknown) => (thrown instanceof PublishFailed ? thrown.reason : String(thrown)),
  )
const ids = (prefix: string, count: number) => Array.from({ length: count }, (_, at) => `${prefix}${at}`)
const allArrive = (some: string[]) => until('all arrive', () => some.every((id) => received.has(id)), 30_000)

t.test('a broker killed with a window in flight fails it as lost; both sides come back by themselves', async (t) => {
  const confirmed: string[] = []
  await server.kill('SIGSTOP') // so that the window is surely in flight
  const inFlight = Promise.all(ids('window', 500).map(reasonOf))
  t.equal(publisher.state(), 'busy')
  t.equal(await reasonOf('one too many'), 'busy')
  await server.kill('SIGKILL')
  const reasons = await inFlight
  t.same([...new Set(reasons)], ['lost'])
  t.equal(publisher.inFlight(), 0)
  t.equal(publisher.state(), 'away')
  t.equal(await reasonOf('while away'), 'away')
  t.ok(lost.length > 0)
  await server.start()
  await until('the publisher is back', () => publisher.state() === 'ready', 30_000)
  for (const id of ids('after', 50)) if ((await reasonOf(id)) === 'confirmed') confirmed.push(id)
  t.equal(confirmed.length, 50)
  await allArrive(confirmed)
})

t.test('what was confirmed before a kill is there after it', async (t) => {
  const confirmed: string[] = []
  let going = true
  const load = Promise.all(
    ids('load', 20).map(async (id) => {
      for (let at = 0; going; at += 1)
        if ((await reasonOf(`${id}-${at}`)) === 'confirmed') confirmed.push(`${id}-${at}`)
        else await until('the broker is back', () => publisher.state() === 'ready', 30_000)
    }),
  )
  await until('some are confirmed', () => confirmed.length > 500)
  await server.kill('SIGKILL')
  const before = confirmed.length
  await server.start()
  await until('more are confirmed', () => confirmed.length > before + 500, 30_000)
  going = false
  await load
  await allArrive(confirmed)
  t.ok(confirmed.length > 1_000)
})

t.test('a broker that hangs lets publishes time out, and confirms others once it goes on', async (t) => {
  await server.kill('SIGSTOP')
  await until('it hangs', async () => (await reasonOf('stopping')) === 'timeout') // not all of its threads stop at once
  const started = performance.now()
  const reasons = await Promise.all(ids('frozen', 10).map(reasonOf)).finally(() => server.kill('SIGCONT'))
  const took_ms = performance.now() - started
  t.same([...new Set(reasons)], ['timeout'])
  t.ok(took_ms > 900 && took_ms < 3_000, `${took_ms} ms`)
  t.equal(publisher.inFlight(), 0)
  await until('it publishes again', async () => (await reasonOf('thawed')) === 'confirmed', 30_000)
  await allArrive(['thawed', ...ids('frozen', 10)])
})

t.test('a broker that hangs holds up no close for more than seconds', async (t) => {
  const parts = { urls, topology, onLost: () => undefined }
  const closing = [
    createPublisher({ ...parts, name: 'closing-publisher', window: 1, timeout_ms: 1_000 }),
    createConsumer({ ...parts, name: 'closing', queue, prefetch: 1, batchMax: 1, batchWait_ms: 0 }),
  ]
  await Promise.all(closing.map(({ ready }) => ready))
  await server.kill('SIGSTOP')
  const started = performance.now()
  await Promise.all(closing.map((one) => ('close' in one ? one.close() : one.stop(0)))).finally(() =>
    server.kill('SIGCONT'),
  )
  t.ok(performance.now() - started < 6_000, `${performance.now() - started} ms`)
})
