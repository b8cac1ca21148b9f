import { bundled } from '@ordermill/queue'
import type { MessageProperties } from 'amqplib'
import type { Server } from './server.ts'

/** A message in a queue. */
export interface Message {
  body: Buffer
  properties: MessageProperties
  /** Its place in the queue, to which it returns. */
  place: number
  redelivered: boolean
}

/** Who takes messages from a queue: one channel. */
export interface Taker {
  prefetch: number
  unacked: Map<number, Message>
  deliver(message: Message, tag: number): void
  lastTag: number
}

interface Queue {
  name: string
  ready: Message[]
  takers: Taker[]
  /** Only the first of those who take is given anything. */
  single: boolean
}

/** A RabbitMQ in memory: quorum queues lose nothing, and give back in its place what was not acked. */
export interface Broker {
  server: Server
  declare(name: string, args: Record<string, unknown>): void
  bind(queue: string, exchange: string, routingKey: string): void
  publish(
    exchange: string,
    routingKey: string,
    body: Buffer,
    properties: MessageProperties,
  ): 'queued' | 'returned' | 'refused'
  take(queue: string, taker: Taker): void
  ack(taker: Taker, upTo: number): void
  /** Takes no more; what is in hand stays in hand. */
  cancel(taker: Taker): void
  /** The channel is gone: what was in hand goes back. */
  leave(taker: Taker): void
  /** An alarm: publishers wait. */
  block(blocked: boolean): void
  isBlocked(): boolean
  onBlocked: Set<(blocked: boolean) => void>
  /** Publishes held back by an alarm. */
  held: (() => void)[]
  /** Queues refuse for being full; or nothing is bound, and messages come back. */
  trouble: { full: boolean; unbound: boolean }
  /** Messages in queues, those in hand included. */
  messages(): Message[]
}

/** @param onTaken Told of every message that a queue takes, those of bundles included; `onAcked` of every ack. */
export function createBroker(
  server: Server,
  onTaken: (properties: MessageProperties) => void,
  onAcked: () => void,
): Broker {
  const queues = new Map<string, Queue>()
  const bindings = new Map<string, string>()
  const onBlocked = new Set<(blocked: boolean) => void>()
  const trouble = { full: false, unbound: false }
  let blocked = false
  let place = 0
  let turn = 0

  const pump = (queue: Queue) => {
    while (queue.ready.length > 0) {
      const able = (queue.single ? queue.takers.slice(0, 1) : queue.takers).filter(
        ({ unacked, prefetch }) => unacked.size < prefetch,
      )
      const taker = able[turn++ % able.length]
      const message = queue.ready[0]
      if (taker === undefined || message === undefined) return
      queue.ready.shift()
      taker.lastTag += 1
      taker.unacked.set(taker.lastTag, message)
      taker.deliver(message, taker.lastTag)
    }
  }
  const queueOf = (taker: Taker) => [...queues.values()].find(({ takers }) => takers.includes(taker))
  const homes = new Map<Taker, Queue>()

  const broker: Broker = {
    server,
    trouble,
    onBlocked,
    held: [],
    declare(name, args) {
      if (!queues.has(name))
        queues.set(name, { name, ready: [], takers: [], single: args['x-single-active-consumer'] === true })
    },
    bind: (queue, exchange, routingKey) => bindings.set(`${exchange}/${routingKey}`, queue),
    publish(exchange, routingKey, body, properties) {
      const name = exchange === '' ? routingKey : bindings.get(`${exchange}/${routingKey}`)
      const queue = queues.get(name ?? '')
      if (queue === undefined || (trouble.unbound && exchange !== '')) return 'returned'
      if (trouble.full && exchange !== '') return 'refused'
      for (const message of bundled({ body, properties }) ?? [{ properties }]) onTaken(message.properties)
      queue.ready.push({ body, properties, place: ++place, redelivered: false })
      pump(queue)
      return 'queued'
    },
    take(name, taker) {
      const queue = queues.get(name)
      if (queue === undefined) throw new Error(`no queue ${name}`)
      queue.takers.push(taker)
      homes.set(taker, queue)
      pump(queue)
    },
    ack(taker, upTo) {
      onAcked()
      for (const tag of taker.unacked.keys()) {
        if (tag > upTo) break
        taker.unacked.delete(tag)
      }
      const queue = queueOf(taker)
      if (queue !== undefined) pump(queue)
    },
    cancel(taker) {
      const queue = queueOf(taker)
      if (queue === undefined) return
      queue.takers = queue.takers.filter((one) => one !== taker)
      pump(queue)
    },
    leave(taker) {
      const queue = homes.get(taker)
      homes.delete(taker)
      if (queue === undefined) return
      queue.takers = queue.takers.filter((one) => one !== taker) // what was in hand is back before the next one is served
      const back = [...taker.unacked.values()].map((message) => ({ ...message, redelivered: true }))
      taker.unacked.clear()
      queue.ready = [...back, ...queue.ready].sort((a, b) => a.place - b.place)
      pump(queue)
    },
    block(now) {
      blocked = now
      for (const tell of onBlocked) tell(now)
      if (!now) for (const run of broker.held.splice(0)) run()
    },
    isBlocked: () => blocked,
    messages: () => [
      ...[...queues.values()].flatMap(({ ready }) => ready),
      ...[...homes.keys()].flatMap(({ unacked }) => [...unacked.values()]),
    ],
  }
  return broker
}
