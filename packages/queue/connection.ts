import type { Duplex } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { joinWrites, toError } from '@ordermill/model'
import { type ChannelModel, connect, type RecoveringChannelModel } from 'amqplib'
import { TopologyMismatch } from './topology.ts'

/**
 * How often each side gives a sign of life, in seconds. RabbitMQ counts a connection as lost after two to three times that without
 * one: so long does a frozen worker keep its standby from the deliveries.
 */
const heartbeat_s = 8

/** How long the broker may take to answer a close: one that hangs, or waits for a queue it cannot reach, answers none. */
const closeMax_ms = 2_000

/** How long the set-up of a connection may take, in milliseconds: a node that was cut off from its cluster may answer nothing to it. */
const setupMax_ms = 30_000

/** How soon a lost connection is tried again at first, and at last, in milliseconds. */
const firstDelay_ms = 100
const delayMax_ms = 2_000

interface ConnectionParts {
  urls: string[]
  /** Names the connection on the broker's dashboard. */
  name: string
  /** Runs after every connect, before anything else may use the connection. */
  setup(model: ChannelModel): Promise<void>
  onLost(error: Error): void
  onBlocked?(blocked: boolean): void
  random?(): number
}

/** A connection that comes back by itself. */
export interface QueueConnection {
  /** Resolves at the first connection. @throws TopologyMismatch if what stands on the broker does not fit. */
  ready: Promise<void>
  close(): Promise<void>
}

/**
 * Connects, and keeps connecting with backoff. Of several URLs, which are the nodes of a cluster, it begins with any, so that processes
 * spread over them, and goes on to the next one after each failure and each loss. Call `close()` to release it.
 */
export function keepConnected({
  urls,
  name,
  setup,
  onLost,
  onBlocked,
  random = Math.random,
}: ConnectionParts): QueueConnection {
  let closed = false
  let current: RecoveringChannelModel | undefined
  let last: ChannelModel | undefined
  let again: NodeJS.Timeout | undefined
  let failures = 0
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
        initialDelay: firstDelay_ms,
        maxDelay: delayMax_ms,
        jitter: 0.5,
        maxRetries: urls.length > 1 ? 0 : Number.POSITIVE_INFINITY,
        waitForConnect: false,
        async setup(model: ChannelModel) {
          // First line: a reset while the set-up runs emits 'error', and an unheard one ends the process.
          model.on('error', () => undefined)
          joinFrames(model)
          last = model
          const late = setTimeout(() => destroy(model, 'the broker answers, but no queue does'), setupMax_ms)
          // Not all that waits for an answer hears of the end: amqplib leaves a close for ever that is not answered. So we wait for
          // that too.
          let isGone = false
          const gone = new Promise<Error | undefined>((resolve) => {
            model.once('close', (error?: Error) => {
              isGone = true
              resolve(error)
            })
          })
          try {
            const lost = gone.then((error) => Promise.reject(error ?? new Error('closed while it was set up')))
            await Promise.race([setup(model), lost])
            if (isGone) throw new Error('closed as it was set up') // its end came with the last answer
          } catch (thrown) {
            destroy(model, 'it could not be set up')
            await Promise.race([gone, sleep(closeMax_ms, undefined, { ref: false })]) // it may have been gone before anybody listened
            throw thrown
          } finally {
            clearTimeout(late)
          }
        },
      },
    })
    current = connection
    connection.on('error', () => undefined) // 'disconnect' says the same
    connection.on('connect', () => {
      failures = 0
      resolve()
    })
    connection.on('disconnect', onLost)
    connection.on('connect-failed', (error) => {
      onLost(error)
      if (error instanceof TopologyMismatch) reject(error)
    })
    connection.on('blocked', () => onBlocked?.(true))
    connection.on('unblocked', () => onBlocked?.(false))
    connection.on('reconnect-failed', () => {
      if (closed) return
      const rounds = Math.floor(failures++ / urls.length) // each has its first try soon
      const delay_ms = Math.min(delayMax_ms, firstDelay_ms * 2 ** Math.min(rounds, 10)) * (0.5 + random() / 2)
      again = setTimeout(() => open(at + 1).catch((thrown: unknown) => onLost(toError(thrown))), delay_ms)
    })
  }
  open(Math.floor(random() * urls.length)).catch((thrown: unknown) => reject(toError(thrown)))

  return {
    ready,
    async close() {
      closed = true
      clearTimeout(again)
      const { promise: late, resolve: giveUp } = Promise.withResolvers<void>()
      const timer = setTimeout(giveUp, closeMax_ms)
      await Promise.race([current?.close(), late.then(() => destroy(last, 'the broker answered no close'))])
      clearTimeout(timer)
    },
  }
}

/** Cuts the socket: what waits for its end fails. */
function destroy(model: ChannelModel | undefined, why: string): void {
  streamOf(model)?.destroy(new Error(why))
}

/** The client takes all frames of a turn at once, but sends the first of them by itself. */
function joinFrames(model: ChannelModel): void {
  const stream = streamOf(model)
  if (stream !== undefined) joinWrites(stream, process.nextTick)
}

/** The socket of a connection: amqplib tells nobody of it. */
const streamOf = (model: ChannelModel | undefined): Duplex | undefined =>
  (model as { connection?: { stream?: Duplex } } | undefined)?.connection?.stream
