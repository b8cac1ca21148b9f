import { toError } from '@ordermill/model'
import type { ChannelModel } from 'amqplib'

/** Names of what stands on the broker, and how long the queue of records may grow. Declared here and nowhere else. */
export interface Topology {
  exchange: string
  /** The exchange on which others are told of changes. Its queues are theirs. */
  changes: string
  collections: { name: string; persist: string; parked: string; bulk: string }[]
  lengthMax: number
}

/** What stands on the broker was declared otherwise: nothing we may change by ourselves. */
export class TopologyMismatch extends Error {
  constructor(name: string, cause: Error) {
    super(`${name} stands on the broker with other arguments than this version declares: ${cause.message}`, { cause })
    this.name = 'TopologyMismatch'
  }
}

/** The topology for these collections; `namespace` goes before every name. */
export function topologyOf(
  collections: string[],
  { namespace, lengthMax }: { namespace: string; lengthMax: number },
): Topology {
  return {
    exchange: `${namespace}ordermill.records`,
    changes: `${namespace}ordermill.changes`,
    collections: collections.map((name) => ({
      name,
      persist: `${namespace}${name}.persist`,
      parked: `${namespace}${name}.parked`,
      bulk: `${namespace}${name}.bulk`,
    })),
    lengthMax,
  }
}

/**
 * More than any run of lost connections uses up: a limit of 20 dead-letters healthy messages after 20 of them,
 * and -1 drops after one nack on RabbitMQ 3.10. What is poison the worker decides.
 */
const deliveryLimit = 1_000_000

/** A queue as it is declared: all are durable quorum queues. */
export interface DeclaredQueue {
  name: string
  arguments: Record<string, string | number | boolean>
  /** The key by which the exchange feeds it; undefined: it is written to by name. */
  routingKey: string | undefined
}

/** Every queue of a topology, those first that others dead-letter to. */
export function queuesOf({ collections, lengthMax }: Topology): DeclaredQueue[] {
  const quorum = { 'x-queue-type': 'quorum', 'x-delivery-limit': deliveryLimit }
  return collections.flatMap(({ name, persist, parked, bulk }) => {
    const inward = {
      ...quorum,
      'x-max-length': lengthMax,
      'x-overflow': 'reject-publish',
      'x-dead-letter-exchange': '',
      'x-dead-letter-routing-key': parked,
      'x-dead-letter-strategy': 'at-least-once',
    }
    return [
      { name: parked, arguments: quorum, routingKey: undefined },
      // One consumer at a time keeps the versions of a record in order; the others stand by.
      { name: persist, arguments: { ...inward, 'x-single-active-consumer': true }, routingKey: name },
      { name: bulk, arguments: inward, routingKey: `${name}.bulk` },
    ]
  })
}

/**
 * Declares everything, on a channel of its own: a refusal closes it.
 * @throws TopologyMismatch if something stands that was declared otherwise.
 */
export async function declare(model: ChannelModel, topology: Topology): Promise<void> {
  const channel = await model.createChannel()
  channel.on('error', () => undefined) // the call that failed rejects with it
  for (const name of [topology.exchange, topology.changes])
    await declared(name, () => channel.assertExchange(name, 'topic', { durable: true }))
  for (const { name, arguments: args, routingKey } of queuesOf(topology)) {
    await declared(name, () => channel.assertQueue(name, { durable: true, arguments: args }))
    if (routingKey !== undefined) await channel.bindQueue(name, topology.exchange, routingKey)
  }
  await channel.close()
}

async function declared(name: string, assert: () => Promise<unknown>): Promise<void> {
  try {
    await assert()
  } catch (thrown) {
    const cause = toError(thrown)
    if (/PRECONDITION.FAILED/i.test(cause.message)) throw new TopologyMismatch(name, cause)
    throw cause
  }
}
