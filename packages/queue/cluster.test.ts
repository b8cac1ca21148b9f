import { environment } from '@ordermill/config'
import { startCluster } from '@ordermill/servers'
import { until } from '@ordermill/servers/testing'
import t from 'tap'
import { createConsumer, createPublisher, topologyOf } from './index.ts'
import { management, plainMessage } from './testing.ts'

const cluster = await startCluster('rabbitmq', 3, { env: environment() })
t.teardown(() => cluster.remove())
const urls = cluster.nodes.map(({ url }) => url)
const managements = (cluster.env['RABBITMQ_MANAGEMENT_URL'] ?? '').split(',')
const topology = topologyOf(['orders'], { namespace: '', lengthMax: 100_000 })
const queue = 'orders.persist'
const parts = { urls, topology, onLost: () => undefined }
const publisher = createPublisher({ ...parts, name: 'publisher', window: 500, timeout_ms: 2_000 })
t.teardown(() => publisher.stop(0))
const consumer = createConsumer({ ...parts, name: 'consumer', queue, prefetch: 100, batchMax: 50, batchWait_ms: 10 })
t.teardown(() => consumer.close())
await Promise.all([publisher.ready, consumer.ready])

const received = new Set<string>()
const receiving = (async () => {
  for await (const batch of consumer.batches()) {
    for (const { body } of batch.deliveries) received.add(body.toString())
    batch.settled(batch.deliveries)
  }
})()
t.teardown(() => {
  consumer.stop()
  return receiving
})
/** Publishes until some were confirmed, and gives those. */
const confirmSome = async (prefix: string): Promise<string[]> => {
  const confirmed: string[] = []
  let at = 0
  await until(
    'some are confirmed',
    async () => {
      const id = `${prefix}${at++}`
      if (
        await publisher.publish(plainMessage(queue, id)).then(
          () => true,
          () => false,
        )
      )
        confirmed.push(id)
      return confirmed.length === 50
    },
    60_000,
  )
  return confirmed
}

t.test(
  'a node that leads the queue is lost: publishing and consuming go on, and nothing confirmed is lost',
  async (t) => {
    const broker = management(managements[0] ?? '')
    const leader = await until('its leader is known', async () => (await broker.queue(queue)).leader)
    const at = Number(/^ordermill(\d)@/.exec(leader)?.[1]) - 1
    const confirmed = await confirmSome('before')
    await cluster.nodes[at]?.kill('SIGKILL')
    confirmed.push(...(await confirmSome('after')))
    await until('all arrive', () => confirmed.every((id) => received.has(id)), 60_000)
    t.equal(cluster.nodes[at]?.pid, undefined)
    t.equal(confirmed.length, 100)
  },
)
