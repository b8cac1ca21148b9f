import { environment } from '@ordermill/config'
import { startCluster } from '@ordermill/servers'
import { until } from '@ordermill/servers/testing'
import t from 'tap'
import { createConsumer, createPublisher, type Publisher, topologyOf } from './index.ts'
import { management, plainMessage, receive } from './testing.ts'

const cluster = await startCluster('rabbitmq', 3, { env: environment() })
t.teardown(() => cluster.remove())
const urls = cluster.nodes.map(({ url }) => url)
const managements = (cluster.env['RABBITMQ_MANAGEMENT_URL'] ?? '').split(',')
const topology = topologyOf(['orders'], { namespace: '', lengthMax: 100_000 })
const queue = 'orders.persist'
const parts = { urls, topology, onLost: () => undefined }
const startPublisher = (name: string) => {
  const publisher = createPublisher({ ...parts, name, window: 500, timeout_ms: 2_000 })
  t.teardown(() => publisher.stop(0))
  return publisher
}
const publisher = startPublisher('publisher')
const consumer = createConsumer({ ...parts, name: 'consumer', queue, prefetch: 100, batchMax: 50, batchWait_ms: 10 })
const received = receive(t, consumer)
await Promise.all([publisher.ready, consumer.ready])

/** Publishes until so many were confirmed, and gives those. */
const confirmSome = async (by: Publisher, prefix: string, count: number): Promise<string[]> => {
  const confirmed: string[] = []
  const publishOne = async (id: string): Promise<void> => {
    await by.publish(plainMessage(queue, id))
    confirmed.push(id)
  }
  let at = 0
  const enough = () =>
    publishOne(`${prefix}-${at++}`)
      .catch(() => undefined)
      .then(() => confirmed.length === count)
  await until(`${count} of ${prefix} are confirmed`, enough, 60_000)
  return confirmed
}

t.test(
  'a node that leads the queue is lost: publishing and consuming go on, and nothing confirmed is lost',
  async (t) => {
    const broker = management(managements[0] ?? '')
    const leader = await until('its leader is known', async () => (await broker.queue(queue)).leader)
    const at = Number(/^ordermill(\d)@/.exec(leader)?.[1]) - 1
    const confirmed = await confirmSome(publisher, 'before', 50)
    await cluster.nodes[at]?.kill('SIGKILL')
    // A channel that is opened before the next one leads may never find it.
    const meanwhile = Array.from({ length: 20 }, async (_, later) => {
      await new Promise((resolve) => setTimeout(resolve, later * 50))
      return confirmSome(startPublisher(`late-${later}`), `late-${later}`, 1)
    })
    confirmed.push(...(await Promise.all([confirmSome(publisher, 'after', 50), ...meanwhile])).flat())
    await until('all arrive', () => confirmed.every((id) => received.has(id)), 60_000)
    t.equal(cluster.nodes[at]?.pid, undefined)
    t.equal(confirmed.length, 120)
  },
)
