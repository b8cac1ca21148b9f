import { EventEmitter } from 'node:events'
import type { MessageProperties } from 'amqplib'
import type { Message, Taker } from '../broker.ts'
import { createWire, type Wire } from '../server.ts'
import { type Surroundings, surroundingsOf } from '../surroundings.ts'

interface Settings {
  clientProperties: { connection_name: string }
  recovery: { setup(model: Model): Promise<void> }
}

/** Stands in for amqplib: a connection that comes back by itself, as much of it as `keepConnected` and who builds on it use. */
export async function connect(url: string, settings: Settings): Promise<Recovering> {
  return new Recovering(surroundingsOf(url), settings)
}

class Recovering extends EventEmitter {
  readonly #on: Surroundings
  readonly #settings: Settings
  #model: Model | undefined
  #closed = false

  constructor(on: Surroundings, settings: Settings) {
    super()
    this.#on = on
    this.#settings = settings
    this.#open(on.random.between(0.5, 3))
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#model?.close()
  }

  #open(delay_ms: number): void {
    const { scheduler, random, owner, broker } = this.#on
    scheduler.after(delay_ms, owner, () => {
      if (this.#closed) return
      if (!broker.server.health.up) {
        this.emit('connect-failed', new Error('ECONNREFUSED'))
        return this.#open(random.between(50, 400))
      }
      const model = new Model(this.#on, (blocked) => this.emit(blocked ? 'blocked' : 'unblocked'))
      this.#model = model
      model.on('close', () => {
        this.#model = undefined
        this.emit('disconnect', new Error('the connection was lost'))
        if (!this.#closed) this.#open(random.between(20, 300))
      })
      this.#settings.recovery.setup(model as Model).then(
        () => this.emit('connect'),
        (error: unknown) => {
          this.emit('connect-failed', error)
          model.close()
        },
      )
    })
  }
}

class Model extends EventEmitter {
  readonly #on: Surroundings
  readonly #wire: Wire
  readonly #channels: Channel[] = []

  constructor(on: Surroundings, onBlocked: (blocked: boolean) => void) {
    super()
    this.#on = on
    const { scheduler, random, owner, broker } = on
    const tell = (blocked: boolean) => this.#wire.push(() => onBlocked(blocked))
    this.#wire = createWire({
      scheduler,
      random,
      server: broker.server,
      owner,
      usual_ms: 1,
      onCut: () => {
        broker.onBlocked.delete(tell)
        for (const channel of this.#channels) channel.leave()
        scheduler.after(random.float(), owner, () => {
          for (const channel of this.#channels) channel.emit('close')
          this.emit('close')
        })
      },
    })
    broker.onBlocked.add(tell)
    if (broker.isBlocked()) tell(true)
  }

  async createChannel(): Promise<Channel> {
    const channel = new Channel(this.#on, this.#wire)
    this.#channels.push(channel)
    return channel
  }

  createConfirmChannel(): Promise<Channel> {
    return this.createChannel()
  }

  /** What was sent before arrives before the end does. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#wire.isCut()) return resolve()
      this.#wire.send(() => this.#wire.cut())
      this.once('close', () => resolve())
    })
  }
}

class Channel extends EventEmitter {
  readonly #on: Surroundings
  readonly #wire: Wire
  #taker: Taker | undefined
  #prefetch = 1

  constructor(on: Surroundings, wire: Wire) {
    super()
    this.#on = on
    this.#wire = wire
  }

  async assertExchange(): Promise<void> {}

  async assertQueue(name: string, { arguments: args = {} }: { arguments?: Record<string, unknown> }): Promise<void> {
    this.#on.broker.declare(name, args)
  }

  async bindQueue(queue: string, exchange: string, routingKey: string): Promise<void> {
    this.#on.broker.bind(queue, exchange, routingKey)
  }

  async prefetch(count: number): Promise<void> {
    this.#prefetch = count
  }

  publish(
    exchange: string,
    routingKey: string,
    body: Buffer,
    properties: MessageProperties,
    confirmed: (error: Error | null) => void,
  ): void {
    const { broker } = this.#on
    const run = () => {
      if (this.#wire.isCut()) return
      const outcome = broker.publish(exchange, routingKey, body, properties)
      if (outcome === 'returned') this.#wire.push(() => this.emit('return', { properties }))
      this.#wire.push(() => confirmed(outcome === 'refused' ? new Error('message nacked') : null))
    }
    this.#wire.send(() => (broker.isBlocked() ? void broker.held.push(run) : run()))
  }

  async consume(queue: string, take: (message: unknown) => void): Promise<void> {
    const taker: Taker = {
      prefetch: this.#prefetch,
      unacked: new Map(),
      lastTag: 0,
      deliver: ({ body, properties, redelivered }: Message, deliveryTag) =>
        this.#wire.push(() => take({ content: body, properties, fields: { deliveryTag, redelivered } })),
    }
    this.#wire.send(() => {
      this.#taker = taker
      this.#on.broker.take(queue, taker)
    })
  }

  ack({ fields: { deliveryTag } }: { fields: { deliveryTag: number } }): void {
    this.#wire.send(() => this.#taker && this.#on.broker.ack(this.#taker, deliveryTag))
  }

  async cancel(): Promise<void> {
    this.#wire.send(() => this.#taker && this.#on.broker.cancel(this.#taker))
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#wire.isCut()) return resolve()
      this.#wire.send(() => {
        this.leave()
        this.#wire.push(() => {
          this.emit('close')
          resolve()
        })
      })
    })
  }

  /** Told at the broker: nobody is at the other end any more. */
  leave(): void {
    if (this.#taker !== undefined) this.#on.broker.leave(this.#taker)
    this.#taker = undefined
  }
}
