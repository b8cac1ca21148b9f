import { collections } from '@ordermill/model'
import {
  createPublisher,
  type OutgoingMessage,
  type Publisher,
  PublishFailed,
  type Topology,
  topologyOf,
} from '@ordermill/queue'
import type { Surroundings } from '../parts.ts'

export interface QueueResource {
  publisher: Publisher
  topology: Topology
}

/** Acquires the publishing connection to RabbitMQ; when the app closes, it is released after the last confirm. */
export function queuePlugin({ app, options, log: root, metrics }: Surroundings): QueueResource {
  const log = root.child({ component: 'queue' })
  const topology = topologyOf(
    collections.map(({ name }) => name),
    { namespace: options.NAMESPACE, lengthMax: options.QUEUE_LENGTH_MAX },
  )
  let lost = false
  const publisher = createPublisher({
    urls: options.RABBITMQ_URL,
    name: 'ordermill-api-publish',
    topology,
    window: options.PUBLISH_WINDOW,
    timeout_ms: options.PUBLISH_TIMEOUT_MS,
    onLost(error) {
      if (!lost) log.warn({ err: error }, 'the broker is away')
      lost = true
    },
  })
  app.addHook('onClose', () => publisher.stop(options.SHUTDOWN_MS))
  return { topology, publisher: { ...publisher, publish: measured } }

  async function measured(message: OutgoingMessage): Promise<void> {
    const started = performance.now()
    let outcome = 'confirmed'
    try {
      await publisher.publish(message)
      if (lost) log.info('the broker is back')
      lost = false
    } catch (thrown) {
      outcome = thrown instanceof PublishFailed ? thrown.reason : 'failed'
      throw thrown
    } finally {
      metrics.publish.observe({ outcome }, (performance.now() - started) / 1_000)
    }
  }
}
