import { bundled } from '@ordermill/queue'
import { type ConsumeMessage, connect, type Options } from 'amqplib'
import { until } from '../../servers/testing.ts'
import type { Scene } from '../scenarios/scenario.ts'
import type { Random } from '../simulation/random.ts'
import { untilParked } from './parked.ts'

const exchange = 'ordermill.records'
const key = 'orders'
const queue = 'orders.persist'

/** Sees every message of the records, beside their queue or in its place, and sends straight into that queue. */
interface Tap {
  /** What has come since the last call. */
  take(): ConsumeMessage[]
  send(message: ConsumeMessage, change?: Partial<Options.Publish>): void
  /** Resolves when the queue has all that was sent. */
  sent(): Promise<void>
  close(): Promise<void>
}

/** `beside` it sees them as they travel, `instead` each by itself. */
async function openTap({ stack }: Scene, where: 'beside' | 'instead'): Promise<Tap> {
  const connection = await connect(stack.env['RABBITMQ_URL'] ?? '')
  const channel = await connection.createConfirmChannel()
  const { queue: own } = await channel.assertQueue('', { exclusive: true })
  await channel.bindQueue(own, exchange, key)
  let seen: ConsumeMessage[] = []
  const take = (message: ConsumeMessage | null) => {
    if (message !== null) seen.push(...(where === 'instead' ? messagesOf(message) : [message]))
  }
  await channel.consume(own, take, { noAck: true })
  if (where === 'instead') await channel.unbindQueue(queue, exchange, key)
  const tap: Tap = {
    take() {
      const taken = seen
      seen = []
      return taken
    },
    send({ content, properties }, change = {}) {
      const given = Object.entries({ ...properties, ...change }).filter(([, value]) => value !== undefined)
      channel.publish('', queue, content, { ...Object.fromEntries(given), persistent: true })
    },
    sent: () => channel.waitForConfirms(),
    async close() {
      await channel.bindQueue(queue, exchange, key)
      await channel.unbindQueue(own, exchange, key)
      if (where === 'instead')
        await until('all has been passed on', async () => {
          for (const message of tap.take()) tap.send(message)
          return (await channel.checkQueue(own)).messageCount === 0
        })
      if (where === 'instead') for (const message of tap.take()) tap.send(message)
      await tap.sent()
      await connection.close()
    },
  }
  return tap
}

/** Those of a bundle, each by itself. */
function messagesOf(message: ConsumeMessage): ConsumeMessage[] {
  const found = bundled({ body: message.content, properties: message.properties })
  return found?.map(({ body, properties }) => ({ ...message, content: body, properties })) ?? [message]
}

/** Messages are delivered once more, some of them much later and out of order, as if a publisher had forgotten that it sent them. */
export async function duplicate(scene: Scene): Promise<void> {
  const tap = await openTap(scene, 'beside')
  const known: ConsumeMessage[] = []
  let count = 0
  try {
    await during(scene, () => {
      known.push(...tap.take())
      for (let times = 0; times < 40 && known.length > 0; times += 1, count += 1)
        tap.send(known[scene.random.below(known.length)] as ConsumeMessage)
    })
  } finally {
    await tap.close()
  }
  scene.say(`  ${count} deliveries of ${known.length} messages that had been published already`)
}

/** Messages arrive in another order than they were published in. */
export async function reorder(scene: Scene): Promise<void> {
  const tap = await openTap(scene, 'instead')
  let count = 0
  try {
    await during(scene, () => {
      for (const message of shuffled(tap.take(), scene.random)) {
        tap.send(message)
        count += 1
      }
    })
  } finally {
    await tap.close()
  }
  scene.say(`  ${count} messages in another order`)
}

/** Somebody publishes an order of a type that no worker knows yet: it is parked, the others are persisted. */
export async function sendNewer(scene: Scene): Promise<void> {
  const tap = await openTap(scene, 'instead')
  try {
    const placed = scene.load.place({ product_name: 'NEWER' })
    let found = false
    await until('the order came through', () => {
      for (const message of tap.take()) {
        const isNewer = message.content.includes('"NEWER"')
        found ||= isNewer
        tap.send(message, isNewer ? { type: 'orders.v2' } : {})
      }
      return found
    })
    const row = await untilParked(scene, (await placed)?.id)
    if (row.code !== 'unknown-type') throw new Error(`it was parked as ${row.code}: ${row.reason}`)
  } finally {
    await tap.close()
  }
}

/** Does something five times a second as long as it stays broken. */
async function during({ outage_s, wait }: Scene, step: () => void): Promise<void> {
  const until_ms = performance.now() + outage_s * 1_000
  while (performance.now() < until_ms) {
    step()
    await wait(0.2)
  }
}

/** In another order; what is no record (a barrier) stays where it is, and nothing passes it. */
function shuffled(messages: ConsumeMessage[], random: Random): ConsumeMessage[] {
  const found: ConsumeMessage[] = []
  let from = 0
  for (const message of messages) {
    if (message.properties.headers?.['id'] === undefined) from = found.push(message)
    else found.splice(from + random.below(found.length - from + 1), 0, message)
  }
  return found
}
