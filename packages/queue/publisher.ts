import type { ChannelModel, ConfirmChannel, Options } from 'amqplib'
import { keepConnected } from './connection.ts'
import { InFlight } from './in-flight.ts'
import { type Outcome, type Sender, sender } from './sending.ts'
import { declare, type Topology } from './topology.ts'

/** What is published: to which exchange ('' for a queue by name) and key, and the bytes as they are. */
export interface OutgoingMessage {
  exchange: string
  routingKey: string
  body: Buffer
  properties: Options.Publish & { messageId: string }
  /** Whether no queue to take it is a failure (`returned`): it is, unless this is false. */
  mandatory?: boolean
  /** Whether it may travel with others of its exchange and key as one message: who takes it from there knows bundles. */
  joins?: boolean
}

/** The message may or may not have reached a queue, but nobody confirmed it. */
export class PublishFailed extends Error {
  readonly reason: 'away' | 'busy' | 'timeout' | 'returned' | 'refused' | 'lost'
  constructor(reason: PublishFailed['reason'], options?: ErrorOptions) {
    super(`the broker did not confirm the message: ${reason}`, options)
    this.name = 'PublishFailed'
    this.reason = reason
  }
}

export interface Publisher {
  /** Resolves at the first connection. @throws TopologyMismatch */
  ready: Promise<void>
  /**
   * Resolves when a queue has the message; where it is not mandatory, when the broker has passed it to those that are bound.
   * @throws PublishFailed: `away` and `busy` before it was sent; the others after, so that it may arrive all the same.
   */
  publish(message: OutgoingMessage): Promise<void>
  /** ready; away: no connection; blocked: the broker took an alarm; busy: the window is full; full: the queue refuses. */
  state(): 'ready' | 'away' | 'blocked' | 'busy' | 'full'
  /** Publishes that await their confirm. */
  inFlight(): number
  /** Waits until nothing is in flight, at most `deadline_ms`, and closes. */
  stop(deadline_ms: number): Promise<void>
}

interface PublisherParts {
  urls: string[]
  name: string
  topology: Topology
  /** Most publishes in flight. */
  window: number
  /** How long a publish waits: a socket that went silent fires no callback at all. */
  timeout_ms: number
  onLost(error: Error): void
}

type Opened = ConfirmChannel & { sender: Sender }

interface Pending {
  /** As performance.now() counts. */
  deadline: number
  fail(error: PublishFailed): void
}

/** How long one refusal makes the queue count as full. */
const fullFor_ms = 1_000

/**
 * How old a channel is, in milliseconds, when a refusal is reason to go on with another: one that was opened while a queue had lost its
 * leader may ask the lost one for ever, and refuse all (RabbitMQ 3.10). At a queue that is full it changes nothing.
 */
const renewAfter_ms = 1_000

/** How amqplib tells a refusal (basic.nack) from a channel that closed: only by these words. */
const nacked = 'message nacked'

/** A publisher on a connection of its own: the broker's alarms stop publishing connections, and must not stop consumers. */
export function createPublisher({ urls, name, topology, window, timeout_ms, onLost }: PublisherParts): Publisher {
  let channel: Opened | undefined
  let blocked = false
  let fullUntil = 0
  const pending = new InFlight<Pending>() // in order of their deadlines

  const failAll = (reason: PublishFailed['reason']) => {
    for (const one of [...pending]) one.fail(new PublishFailed(reason))
  }
  const open = async (model: ChannelModel): Promise<Opened> => {
    const made = await model.createConfirmChannel()
    const fresh: Opened = Object.assign(made, { sender: sender(made) })
    fresh.on('error', () => undefined) // 'close' follows
    fresh.on('close', () => {
      if (channel !== fresh) return
      channel = undefined
      failAll('lost')
      model.close().catch(() => undefined) // a channel is not recovered by itself: its connection is
    })
    return fresh
  }
  /** Goes on with another channel; what is in flight on the one before is awaited there. */
  let renew = (): Promise<void> => Promise.resolve()
  let renewed = 0 // when, as performance.now() counts
  const connection = keepConnected({
    urls,
    name,
    async setup(model) {
      await declare(model, topology)
      renew = async () => {
        renewed = performance.now()
        const before = channel
        const fresh = await open(model)
        if (channel !== before) return await fresh.close() // another one was faster
        channel = fresh
        before?.sender.flush() // what was published before goes out on the one before
        await before?.waitForConfirms().catch(() => undefined) // who published knows
        await before?.close()
      }
      renewed = performance.now()
      channel = await open(model)
      blocked = false
    },
    onLost(error) {
      channel = undefined
      failAll('lost')
      onLost(error)
    },
    onBlocked: (now) => {
      blocked = now
    },
  })

  const refused = () => {
    const now = performance.now()
    fullUntil = now + fullFor_ms
    if (now - renewed > renewAfter_ms) renew().catch(() => undefined) // the connection was lost meanwhile
  }

  /** Looks for what waits too long, for as long as anything waits. */
  let sweep: NodeJS.Timeout | undefined
  const look = () => {
    const now = performance.now()
    for (const one of pending) {
      if (one.deadline > now) break
      one.fail(new PublishFailed('timeout'))
    }
    if (pending.size > 0) return
    clearInterval(sweep)
    sweep = undefined
  }

  return {
    ready: connection.ready,
    inFlight: () => pending.size,
    state() {
      if (channel === undefined) return 'away'
      if (blocked) return 'blocked'
      if (pending.size >= window) return 'busy'
      return performance.now() < fullUntil ? 'full' : 'ready'
    },
    publish(message) {
      const on = channel
      if (on === undefined || blocked) return Promise.reject(new PublishFailed('away'))
      if (pending.size >= window) return Promise.reject(new PublishFailed('busy'))
      return new Promise((resolve, reject) => {
        const fail = (error: PublishFailed) => {
          if (pending.remove(place)) reject(error)
        }
        const place = pending.add({ deadline: performance.now() + timeout_ms, fail })
        sweep ??= setInterval(look, 50).unref()
        const told = (outcome: Outcome) => {
          if (outcome === undefined) {
            if (pending.remove(place)) resolve()
          } else if (outcome === 'returned') fail(new PublishFailed('returned'))
          else {
            const isRefused = outcome.message === nacked
            if (isRefused && channel === on) refused()
            fail(new PublishFailed(isRefused ? 'refused' : 'lost', { cause: outcome }))
          }
        }
        try {
          on.sender.send(message, told)
        } catch (cause) {
          fail(new PublishFailed('away', { cause }))
        }
      })
    },
    async stop(deadline_ms) {
      const until = performance.now() + deadline_ms
      while (pending.size > 0 && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 10))
      clearInterval(sweep)
      failAll('lost')
      await connection.close()
    },
  }
}
