import { environment } from '@ordermill/config'
import { firstOrder } from '@ordermill/model/testing'
import { corner, until } from '@ordermill/servers/testing'
import { type ConsumeMessage, connect } from 'amqplib'
import t, { type Test } from 'tap'
import {
  createPublisher,
  type OutgoingMessage,
  type Publisher,
  PublishFailed,
  recordMessage,
  topologyOf,
} from './index.ts'
import { management, plainMessage } from './testing.ts'

const machine = environment()
const { env, namespace } = await corner(t, machine)
const url = env['RABBITMQ_URL'] ?? ''
const broker = management(machine['RABBITMQ_MANAGEMENT_URL'] ?? '')
const lengthMax = 20
const topology = topologyOf(['orders'], { namespace, lengthMax })
const queue = `${namespace}orders.persist`
const model = await connect(url)
t.teardown(() => model.close())
const channel = await model.createChannel()

const start = async (t: Test, parts: { name?: string; window?: number } = {}): Promise<Publisher> => {
  const { name = `${namespace}publisher`, window = 1_000 } = parts
  const publisher = createPublisher({
    urls: [url],
    name,
    topology,
    window,
    timeout_ms: 10_000,
    onLost: () => undefined,
  })
  t.teardown(() => publisher.stop(1_000))
  await publisher.ready
  return publisher
}
const reasonOf = (work: Promise<void>) =>
  work.then(
    () => 'confirmed',
    (thrown: unknown) => (thrown instanceof PublishFailed ? thrown.reason : String(thrown)),
  )
const envelope = { exchange: topology.exchange, collection: 'orders', type: 'orders.v1' }

t.test('a publish resolves when the queue has the message, persistent and byte for byte', async (t) => {
  const publisher = await start(t)
  const order = firstOrder({ product_name: 'Käse 🧀' })
  const publishing = publisher.publish(recordMessage(order, envelope))
  t.equal(publisher.inFlight(), 1)
  await publishing
  t.equal(publisher.inFlight(), 0)
  const arrived = Promise.withResolvers<ConsumeMessage | null>()
  const { consumerTag } = await channel.consume(queue, arrived.resolve, { noAck: true })
  const message = await arrived.promise
  await channel.cancel(consumerTag)
  if (message === null) throw new Error('the queue was deleted')
  t.equal(message.content.toString(), order.text)
  t.match(message.properties, { deliveryMode: 2, messageId: `${order.id}:1`, type: 'orders.v1' })
  t.equal(publisher.state(), 'ready')
})

t.test('a message that no queue takes is returned, and others in flight are not taken for it', async (t) => {
  const publisher = await start(t)
  const lost = recordMessage(firstOrder(), { ...envelope, collection: 'nobody' })
  const good = recordMessage(firstOrder(), envelope)
  const reasons = await Promise.all([good, lost, { ...good }].map((one) => reasonOf(publisher.publish(one))))
  t.same(reasons, ['confirmed', 'returned', 'confirmed'])
  t.equal(await reasonOf(publisher.publish({ ...lost, routingKey: 'orders' })), 'confirmed', 'the same one, routed')
  t.equal(publisher.state(), 'ready')
  await channel.purgeQueue(queue)
})

t.test(
  'what is published in one turn to one place is one message, and what becomes of that becomes of each',
  async (t) => {
    const publisher = await start(t)
    const many = (count: number, collection: string) =>
      Array.from({ length: count }, () => recordMessage(firstOrder(), { ...envelope, collection }))
    const publishAll = (messages: OutgoingMessage[]) =>
      Promise.all(messages.map((message) => reasonOf(publisher.publish(message))))
    const outcomes = await publishAll([...many(20, 'orders'), ...many(3, 'nobody'), plainMessage(queue, 'm')])
    t.same(outcomes, [...Array(20).fill('confirmed'), ...Array(3).fill('returned'), 'confirmed'])
    t.equal(publisher.inFlight(), 0)
    t.equal((await channel.checkQueue(queue)).messageCount, 3)
    await until('bundles are refused', async () => {
      const reasons = await publishAll(many(16, 'orders'))
      t.equal(new Set(reasons).size, 1)
      return reasons[0] === 'refused'
    })
    await channel.purgeQueue(queue)
  },
)

t.test(
  'a message that need not be taken by any queue is confirmed though none is bound, and goes to one that is',
  async (t) => {
    const publisher = await start(t)
    const message = { ...plainMessage('', 'm'), exchange: topology.changes, routingKey: 'orders.changed' }
    t.equal(await reasonOf(publisher.publish({ ...message, mandatory: false })), 'confirmed')
    t.equal(await reasonOf(publisher.publish(message)), 'returned', 'without the word it must be')
    const { queue: bound } = await channel.assertQueue('', { exclusive: true })
    await channel.bindQueue(bound, topology.changes, 'orders.*')
    t.equal(await reasonOf(publisher.publish({ ...message, mandatory: false })), 'confirmed')
    t.equal((await channel.checkQueue(bound)).messageCount, 1)
    await channel.deleteQueue(bound)
  },
)

t.test('a queue at its limit refuses, the state is full for a while, and room makes it ready again', async (t) => {
  const publisher = await start(t)
  // A quorum queue may take some more than its limit while it notices.
  await until(
    'a publish is refused',
    async () => (await reasonOf(publisher.publish(plainMessage(queue, 'm')))) === 'refused',
  )
  t.equal(publisher.state(), 'full')
  t.ok((await channel.checkQueue(queue)).messageCount >= lengthMax)
  await channel.purgeQueue(queue)
  await until('there is room again', () => publisher.state() === 'ready')
  t.equal(await reasonOf(publisher.publish(plainMessage(queue, 'm'))), 'confirmed')
  await channel.purgeQueue(queue)
})

t.test('beyond the window a publish is busy at once, and the others are confirmed', async (t) => {
  const publisher = await start(t, { window: 3 })
  const all = ['a', 'b', 'c', 'd'].map((id) => reasonOf(publisher.publish(plainMessage(queue, id))))
  t.equal(publisher.state(), 'busy')
  t.same(await Promise.all(all), ['confirmed', 'confirmed', 'confirmed', 'busy'])
  t.equal(publisher.state(), 'ready')
  t.equal((await channel.checkQueue(queue)).messageCount, 3)
  await channel.purgeQueue(queue)
})

t.test('a connection that the broker closes fails what is in flight as lost, and comes back by itself', async (t) => {
  const name = `${namespace}closed`
  const publisher = await start(t, { name })
  await broker.closeConnection(name)
  await until('the loss is noticed', () => publisher.state() === 'away')
  t.equal(await reasonOf(publisher.publish(plainMessage(queue, 'm'))), 'away')
  await until('it is back', () => publisher.state() === 'ready')
  t.equal(await reasonOf(publisher.publish(plainMessage(queue, 'm'))), 'confirmed')
})

t.test('a stop waits for what is in flight, can be asked twice, and leaves the publisher away', async (t) => {
  const publisher = await start(t)
  const publishing = reasonOf(publisher.publish(plainMessage(queue, 'm')))
  await Promise.all([publisher.stop(5_000), publisher.stop(5_000)])
  t.equal(await publishing, 'confirmed')
  t.equal(await reasonOf(publisher.publish(plainMessage(queue, 'm'))), 'away')
})
