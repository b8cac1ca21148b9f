import { toError } from '@ordermill/model'
import type { ConfirmChannel } from 'amqplib'
import { bundle, joined, messagesMax } from './bundle.ts'
import { encodePublish } from './frames.ts'
import type { OutgoingMessage } from './publisher.ts'

/** What became of a message: undefined: confirmed; `returned`: no queue took it; else why the broker did not confirm it. */
export type Outcome = undefined | 'returned' | Error

/** A message that goes out at the end of the turn or soon after it, and who is told of it. */
interface Waiting {
  message: OutgoingMessage
  told(outcome: Outcome): void
}

/** What we use of the inside of a channel of amqplib, which tells nobody of it. */
interface Inside {
  ch: number
  connection: {
    frameMax: number
    sentSinceLastCheck: boolean
    channels: ({ channel: unknown; buffer: { write(frames: Buffer): void } } | null)[]
  }
  pushConfirmCallback(confirmed: (error: unknown) => void): void
}

/** What publishes on one channel. */
export interface Sender {
  /** @throws Error if the channel is known to be closed */
  send(message: OutgoingMessage, told: Waiting['told']): void
  /** Sends at once what waits for company. */
  flush(): void
}

/**
 * How long after what went before them few messages go at the earliest, in milliseconds: what comes alone goes at once, and what comes
 * thick gathers. It costs the broker as much to pass on one message as sixteen: at 2,400 orders a second that come one by one, a third of
 * its CPU, and a tenth of all.
 */
const apart_ms = 4

/**
 * Gives what publishes persistent messages on a channel, in order: as `channel.publish`, with what is published in one turn, or little
 * later, bundled where it may be, encoded here and handed over at once. Publishing took 9 % of the API's CPU for an order before it was
 * encoded here, and took 4 then, beside what the collector had to do for it.
 */
export function sender(channel: ConfirmChannel): Sender {
  const inside = channel as unknown as Inside
  const returned = new Set<string>()
  let waiting: Waiting[] = []
  let bundles = 0
  let handedAt = Number.NEGATIVE_INFINITY
  let turning = false
  let timer: NodeJS.Timeout | undefined
  channel.on('return', ({ properties }) => returned.add(String(properties.messageId))) // the confirm follows
  /** Where the channel's frames go; undefined once it is closed, or being closed: amqplib takes its way to send from it then. */
  const slot = () => {
    const found = inside.connection.channels[inside.ch]
    const isClosing = Object.hasOwn(inside, 'sendMessage') || Object.hasOwn(inside.connection, 'sendMessage')
    return found?.channel === channel && !isClosing ? found : undefined
  }
  // Whether it is inside as it was when this was written: else amqplib does all of it.
  const isKnown = hasInside(inside) && slot() !== undefined

  const handOver = (frames: Buffer[]) => {
    if (frames.length === 0) return
    slot()?.buffer.write(Buffer.concat(frames.splice(0)))
    inside.connection.sentSinceLastCheck = true
  }
  /** Sends what goes as one message: its frames, or all of it by amqplib, behind the frames of those before it. */
  const send = (some: Waiting[], frames: Buffer[]) => {
    const tell = (outcome: Outcome) => {
      for (const { told } of some) told(outcome)
    }
    try {
      if (isKnown && slot() === undefined) throw closed() // since it was published
      const messages = some.map(({ message }) => message)
      const message = bundle(messages, bundles++)
      const { messageId } = message.properties
      const confirmed = (error: unknown) => tell(returned.delete(messageId) ? 'returned' : asOutcome(error))
      const encoded = isKnown ? encodePublish(inside.ch, message, inside.connection.frameMax) : undefined
      if (encoded === undefined) {
        handOver(frames) // confirms are counted in the order in which messages went out
        const { exchange, routingKey, body, properties, mandatory = true } = message
        channel.publish(exchange, routingKey, body, { ...properties, persistent: true, mandatory }, confirmed)
      } else {
        inside.pushConfirmCallback(confirmed)
        frames.push(encoded)
      }
    } catch (thrown) {
      tell(toError(thrown)) // that one was not sent
    }
  }
  const flush = () => {
    clearTimeout(timer)
    timer = undefined
    handedAt = performance.now()
    const all = waiting
    waiting = []
    const frames: Buffer[] = []
    for (const some of joined(all)) send(some, frames)
    handOver(frames)
  }
  /** The turn ends: sends what has come, or lets it wait for company. */
  const turn = () => {
    turning = false
    const rest_ms = handedAt + apart_ms - performance.now()
    if (rest_ms < 1 || waiting.length >= messagesMax || !waiting.every(({ message }) => message.joins)) flush()
    else timer ??= setTimeout(flush, rest_ms)
  }
  return {
    send(message, told) {
      if (isKnown && slot() === undefined) throw closed()
      waiting.push({ message, told })
      if (!turning) process.nextTick(turn)
      turning = true
    },
    flush,
  }
}

const asOutcome = (error: unknown): Outcome => (error == null ? undefined : toError(error))
const closed = () => new Error('the channel is closed')

const hasInside = ({ ch, connection, pushConfirmCallback }: Inside): boolean =>
  ch > 0 && connection?.frameMax > 0 && Array.isArray(connection.channels) && pushConfirmCallback !== undefined
