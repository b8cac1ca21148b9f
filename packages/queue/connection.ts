import { toError } from '@ordermill/model'
import { type ChannelModel, connect, type RecoveringChannelModel } from 'amqplib'
import { TopologyMismatch } from './topology.ts'

/**
 * How often each side gives a sign of life, in seconds. RabbitMQ counts a connection as lost after two to three times that without
 * one: so long does a frozen worker keep its standby from the deliveries.
 */
const heartbeat_s = 8

/** How long the broker may take to answer a close: one that hangs, or waits for a queue it cannot reach, answers none. */
const closeMax_ms = 2_000

interface ConnectionParts {
  urls: string[]
  /** Names the connection on the broker's dashboard. */
  name: string
  /** Runs after every connect, before anything else may use the connection. */
  setup(model: ChannelModel): Promise<void>
  onLost(error: Error): void
  onBlocked?(blocked: boolean): void
}

/** A connection that comes back by itself. */
export interface QueueConnection {
  /** Resolves at the first connection. @throws TopologyMismatch if what stands on the broker does not fit. */
  ready: Promise<void>
  close(): Promise<void>
}

/** Connects, and keeps connecting with backoff, to each URL in turn. Call `close()` to release it. */
export function keepConnected({ urls, name, setup, onLost, onBlocked }: ConnectionParts): QueueConnection {
  let closed = false
  let current: RecoveringChannelModel | undefined
  let last: ChannelModel | undefined
  const { promise: ready, resolve, reject } = Promise.withResolvers<void>()
  ready.catch(() => undefined)

  const open = async (at: number): Promise<void> => {
    const url = new URL(urls[at % urls.length] ?? '')
    url.searchParams.set('heartbeat', String(heartbeat_s))
    const connection = await connect(url.href, {
      noDelay: true,
      timeout: 5_000,
      clientProperties: { connection_name: name },
      recovery: {
        initialDelay: 100,
        maxDelay: 2_000,
        jitter: 0.5,
        maxRetries: urls.length > 1 ? 2 : Number.POSITIVE_INFINITY,
        waitForConnect: false,
        async setup(model: ChannelModel) {
          // First line: a reset while the set-up runs emits 'error', and an unheard one ends the process.
          model.on('error', () => undefined)
          last = model
          await setup(model)
        },
      },
    })
    current = connection
    connection.on('error', () => undefined) // 'disconnect' says the same
    connection.on('connect', () => resolve())
    connection.on('disconnect', onLost)
    connection.on('connect-failed', (error) => {
      onLost(error)
      if (error instanceof TopologyMismatch) reject(error)
    })
    connection.on('blocked', () => onBlocked?.(true))
    connection.on('unblocked', () => onBlocked?.(false))
    connection.on('reconnect-failed', () => {
      if (!closed) open(at + 1).catch((thrown: unknown) => onLost(toError(thrown)))
    })
  }
  open(0).catch((thrown: unknown) => reject(toError(thrown)))

  return {
    ready,
    async close() {
      closed = true
      const { promise: late, resolve: giveUp } = Promise.withResolvers<void>()
      const timer = setTimeout(giveUp, closeMax_ms)
      await Promise.race([current?.close(), late.then(() => destroy(last))])
      clearTimeout(timer)
    },
  }
}

/** Cuts the socket: what waits for its end fails. */
function destroy(model: ChannelModel | undefined): void {
  const { connection } = (model ?? {}) as unknown as { connection?: { stream?: { destroy(error: Error): void } } }
  connection?.stream?.destroy(new Error('the broker answered no close'))
}
