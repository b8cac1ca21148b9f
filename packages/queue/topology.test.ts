import { environment } from '@ordermill/config'
import { corner } from '@ordermill/servers/testing'
import { connect } from 'amqplib'
import t from 'tap'
import { createConsumer, createPublisher, TopologyMismatch, topologyOf } from './index.ts'
import { management } from './testing.ts'
import { declare } from './topology.ts'

const machine = environment()
const { env, namespace } = await corner(t, machine)
const url = env['RABBITMQ_URL'] ?? ''
const broker = management(machine['RABBITMQ_MANAGEMENT_URL'] ?? '')
const model = await connect(url)
t.teardown(() => model.close())

const limits = { 'x-queue-type': 'quorum', 'x-delivery-limit': 1_000_000 }

t.test(
  'queues are quorum queues with a length limit that refuses, dead-lettering at least once to the parked one',
  async (t) => {
    const topology = topologyOf(['orders'], { namespace, lengthMax: 4_000 })
    await declare(model, topology)
    await declare(model, topology) // a second time changes nothing and is no mismatch
    const persist = await broker.queue(`${namespace}orders.persist`)
    t.equal(persist.durable, true)
    t.same(persist.arguments, {
      ...limits,
      'x-single-active-consumer': true,
      'x-max-length': 4_000,
      'x-overflow': 'reject-publish',
      'x-dead-letter-exchange': '',
      'x-dead-letter-routing-key': `${namespace}orders.parked`,
      'x-dead-letter-strategy': 'at-least-once',
    })
    const parked = await broker.queue(`${namespace}orders.parked`)
    t.same(parked.arguments, limits)
  },
)

t.test(
  'publisher and consumer end with a TopologyMismatch that names the queue which stands with other arguments',
  async (t) => {
    const topology = topologyOf(['others'], { namespace, lengthMax: 4_000 })
    const { persist = '' } = topology.collections[0] ?? {}
    const channel = await model.createChannel()
    await channel.assertQueue(persist, { durable: true, arguments: { 'x-queue-type': 'quorum', 'x-max-length': 17 } })
    t.teardown(async () => {
      for (const { persist, parked, bulk } of topology.collections)
        for (const queue of [persist, parked, bulk]) await channel.deleteQueue(queue)
    })
    const onLost = () => undefined
    const publisher = createPublisher({ urls: [url], name: 'p', topology, window: 10, timeout_ms: 1_000, onLost })
    t.teardown(() => publisher.stop(0))
    const consumer = createConsumer({
      urls: [url],
      name: 'c',
      topology,
      queue: persist,
      prefetch: 10,
      batchMax: 10,
      batchWait_ms: 10,
      onLost,
    })
    t.teardown(() => consumer.close())
    for (const ready of [publisher.ready, consumer.ready]) {
      const error = await ready.then(
        () => new Error('it was ready'),
        (thrown: unknown) => thrown,
      )
      t.type(error, TopologyMismatch)
      t.match(error, { message: new RegExp(`^${persist.replaceAll('.', '\\.')} stands .*x-`) })
    }
    t.equal(publisher.state(), 'away')
    t.equal(consumer.connected(), false)
  },
)
