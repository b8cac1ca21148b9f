import type { ConfirmChannel } from 'amqplib'
import { encodePublish } from './frames.ts'
import type { OutgoingMessage } from './publisher.ts'

/** Told when the broker confirmed a message, or why it did not. */
type Confirmed = (error: unknown) => void

/** What we use of the inside of a channel of amqplib, which tells nobody of it. */
interface Inside {
  ch: number
  connection: {
    frameMax: number
    sentSinceLastCheck: boolean
    channels: ({ channel: unknown; buffer: { write(frames: Buffer): void } } | null)[]
  }
  pushConfirmCallback(confirmed: Confirmed): void
}

/**
 * Gives what publishes persistent messages on a channel: as `channel.publish`, with what is published in one turn encoded here and handed
 * over at once. Publishing took 9 % of the API's CPU for an order before, and takes 4, beside what the collector had to do for it.
 * @throws Error if the channel is closed
 */
export function sender(channel: ConfirmChannel): (message: OutgoingMessage, confirmed: Confirmed) => void {
  const inside = channel as unknown as Inside
  let waiting: Buffer[] = []
  /** Where the channel's frames go; undefined once it is closed, or being closed: amqplib takes its way to send from it then. */
  const slot = () => {
    const found = inside.connection.channels[inside.ch]
    const isClosing = Object.hasOwn(inside, 'sendMessage') || Object.hasOwn(inside.connection, 'sendMessage')
    return found?.channel === channel && !isClosing ? found : undefined
  }
  const flush = () => {
    const frames = waiting
    waiting = []
    const open = slot()
    if (open === undefined || frames.length === 0) return // who waits on a channel that is closed is told by its end
    open.buffer.write(Buffer.concat(frames))
    inside.connection.sentSinceLastCheck = true
  }
  // Whether it is inside as it was when this was written: else amqplib does all of it.
  const isKnown = hasInside(inside) && slot() !== undefined
  return (message, confirmed) => {
    const frames = isKnown ? encodePublish(inside.ch, message, inside.connection.frameMax) : undefined
    if (frames === undefined) {
      if (waiting.length > 0) flush() // confirms are counted in the order in which messages went out
      const { exchange, routingKey, body, properties, mandatory = true } = message
      channel.publish(exchange, routingKey, body, { ...properties, persistent: true, mandatory }, confirmed)
      return
    }
    if (slot() === undefined) throw new Error('the channel is closed')
    inside.pushConfirmCallback(confirmed)
    if (waiting.push(frames) === 1) process.nextTick(flush)
  }
}

const hasInside = ({ ch, connection, pushConfirmCallback }: Inside): boolean =>
  ch > 0 && connection?.frameMax > 0 && Array.isArray(connection.channels) && pushConfirmCallback !== undefined
