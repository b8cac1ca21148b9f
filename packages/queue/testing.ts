import { until } from '@ordermill/servers/testing'
import { connect } from 'amqplib'
import type { Consumer } from './consumer.ts'
import type { OutgoingMessage } from './publisher.ts'

/** What the broker's management API knows of a queue. */
export interface QueueState {
  arguments: Record<string, unknown>
  durable: boolean
  /** The node that leads it. */
  leader?: string
}

/** The broker as its operator sees it. */
export function management(url: string) {
  const { origin, username, password } = new URL(url)
  const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
  const call = (method: string, path: string) => fetch(`${origin}/api/${path}`, { method, headers: { authorization } })
  return {
    async queue(name: string): Promise<QueueState> {
      return (await (await call('GET', `queues/%2F/${encodeURIComponent(name)}`)).json()) as QueueState
    },
    async deleteQueue(name: string): Promise<void> {
      await call('DELETE', `queues/%2F/${encodeURIComponent(name)}`)
    },
    /** Closes the connection that calls itself so, as an operator would. */
    async closeConnection(name: string): Promise<void> {
      const connection = await until(`the broker lists the connection ${name}`, async () => {
        const all = (await (await call('GET', 'connections')).json()) as { name: string; user_provided_name?: string }[]
        return all.find((one) => one.user_provided_name === name)
      })
      await call('DELETE', `connections/${encodeURIComponent(connection.name)}`)
    },
  }
}

/** A message with nothing but an id, straight to a queue. */
export const plainMessage = (queue: string, messageId: string): OutgoingMessage => ({
  exchange: '',
  routingKey: queue,
  body: Buffer.from(messageId),
  properties: { messageId },
})

/** The bodies of everything that a consumer is ever handed; all of it is acked. The consumer ends in the teardown. */
export function receive(t: { teardown(handler: () => Promise<void> | void): void }, consumer: Consumer): Set<string> {
  const received = new Set<string>()
  const receiving = (async () => {
    for await (const batch of consumer.batches()) {
      for (const { body } of batch.deliveries) received.add(body.toString())
      batch.settled(batch.deliveries)
    }
  })()
  t.teardown(async () => {
    consumer.stop()
    await receiving
    await consumer.close()
  })
  return received
}

/** How many messages wait in a queue, those in hand not counted. */
export async function queueLength(url: string, queue: string): Promise<number> {
  const connection = await connect(url)
  try {
    const channel = await connection.createChannel()
    return (await channel.checkQueue(queue)).messageCount
  } finally {
    await connection.close()
  }
}
