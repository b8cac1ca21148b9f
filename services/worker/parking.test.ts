import { environment } from '@ordermill/config'
import { Unavailable } from '@ordermill/model'
import { createConsumer, createPublisher, type Delivery, PublishFailed, topologyOf } from '@ordermill/queue'
import { corner } from '@ordermill/servers/testing'
import { createLogger } from '@ordermill/telemetry'
import t from 'tap'
import { createParking } from './parking.ts'

const { env, namespace } = await corner(t, environment())
const urls = [env['RABBITMQ_URL'] ?? '']
const topology = topologyOf(['orders'], { namespace, lengthMax: 1_000 })
const { persist = '', parked = '' } = topology.collections[0] ?? {}
const log = createLogger({ service: 'test', level: 'silent' })
const onLost = () => undefined
const publisher = createPublisher({ urls, name: 'p', topology, window: 100, timeout_ms: 5_000, onLost })
t.teardown(() => publisher.stop(0))
await publisher.ready
const batchesOf = (queue: string) => {
  const consumer = createConsumer({
    urls,
    name: queue,
    topology,
    queue,
    prefetch: 10,
    batchMax: 1,
    batchWait_ms: 0,
    onLost,
  })
  t.teardown(() => consumer.close())
  const batches = consumer.batches()
  return async (): Promise<Delivery> => {
    const { value } = await batches.next()
    const [delivery] = value?.deliveries ?? []
    if (value === undefined || delivery === undefined) throw new Error('the consumer has ended')
    value.settled(value.deliveries)
    return delivery
  }
}
const nextToPersist = batchesOf(persist)
const nextParked = batchesOf(parked)
const reason = { code: 'unreadable', message: 'not JSON' }

t.test('what is parked keeps its bytes, its properties and its headers, and says why it is there', async (t) => {
  const codes: string[] = []
  const parking = createParking({
    publisher,
    queue: parked,
    from: 'orders',
    log,
    onParked: (code) => void codes.push(code),
  })
  const body = Buffer.from([0, 255, 123, 13, 10])
  const properties = {
    messageId: 'm-1',
    type: 'orders.v1',
    correlationId: 'c-1',
    contentType: 'text/plain',
    timestamp: 5,
  }
  const headers = { id: 'a', version: 3, nested: { list: [1, true, 'x'] } }
  await publisher.publish({ exchange: '', routingKey: persist, body, properties: { ...properties, headers } })
  const delivery = await nextToPersist()
  await parking.park([{ delivery, reason }])
  const found = await nextParked()
  t.same(found.body, body)
  t.match(found.properties, { ...properties, deliveryMode: 2 })
  const told = { 'parked-code': 'unreadable', 'parked-reason': 'not JSON', 'parked-from': 'orders' }
  t.same(found.properties.headers, { ...headers, ...told })
  t.same(codes, ['unreadable'])
})

t.test('a message without any properties, and a reason of any length, can be parked', async (t) => {
  const parking = createParking({ publisher, queue: parked, from: 'orders', log, onParked: () => undefined })
  const bare = { body: Buffer.alloc(0), properties: { headers: undefined }, redelivered: false, tag: 1 }
  const delivery = bare as unknown as Delivery
  await parking.park([{ delivery, reason: { code: 'sql-22001', message: 'ä'.repeat(100_000) } }])
  const { properties } = await nextParked()
  t.equal(String(properties.headers?.['parked-reason']), 'ä'.repeat(1_000))
})

t.test('headers as large as can be do not keep a message from being parked', async (t) => {
  const parking = createParking({ publisher, queue: parked, from: 'orders', log, onParked: () => undefined })
  const headers = { id: 'a', filler: 'x'.repeat(65_000) }
  const properties = { messageId: 'm-2', headers }
  await publisher.publish({ exchange: '', routingKey: persist, body: Buffer.from('{'), properties })
  await parking.park([{ delivery: await nextToPersist(), reason: { code: 'unreadable', message: 'r'.repeat(1_000) } }])
  const found = await nextParked()
  t.match(found.properties, {
    messageId: 'm-2',
    headers: { id: 'a', 'parked-code': 'unreadable', 'parked-dropped': 'filler' },
  })
})

t.test('until the broker has confirmed all, parking is unavailable; a repeat parks only what is missing', async (t) => {
  const asked: string[] = []
  let refusing = true
  const flaky = {
    async publish({ properties }: { properties: { messageId: string } }) {
      asked.push(properties.messageId)
      if (properties.messageId === 'b' && refusing) throw new PublishFailed('lost')
    },
  }
  const codes: string[] = []
  const parking = createParking({
    publisher: flaky,
    queue: parked,
    from: 'orders',
    log,
    onParked: (code) => void codes.push(code),
  })
  const all = ['a', 'b', 'c'].map((messageId, tag) => {
    const delivery = {
      body: Buffer.alloc(0),
      properties: { messageId },
      redelivered: false,
      tag,
    } as unknown as Delivery
    return { delivery, reason }
  })
  const thrown = await parking.park(all).catch((error: unknown) => error)
  t.type(thrown, Unavailable)
  t.match(thrown, { code: 'queue-away' })
  refusing = false
  await parking.park(all)
  t.same(asked, ['a', 'b', 'c', 'b'])
  t.equal(codes.length, 3)
})
