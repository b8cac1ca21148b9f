import type { MessageProperties } from 'amqplib'
import type { OutgoingMessage } from './publisher.ts'

/** The type of a bundle: several messages that travel as one. */
const type = 'ordermill.bundle'

/** Most messages in a bundle, and most bytes of bodies: who takes messages has as many times more in hand. */
const messagesMax = 16
const bytesMax = 64 * 1_024

const lineEnd = 0x0a

/** A message within a bundle. */
export interface BundledMessage {
  body: Buffer
  properties: MessageProperties
}

/** Whether a message may go into a bundle: its body, JSON as we print it, is one line. */
const isLine = ({ joins, body }: OutgoingMessage): boolean => joins === true && !body.includes(lineEnd)

/** Divides what is published into what may go as one message, in order: what goes to one place. */
export function joined<T extends { message: OutgoingMessage }>(all: T[]): [T, ...T[]][] {
  const groups: [T, ...T[]][] = []
  let bytes = 0
  let isOpen = false // the last group
  for (const one of all) {
    const { message } = one
    const last = groups.at(-1)
    const before = last?.[0].message
    const isSame = message.exchange === before?.exchange && message.routingKey === before.routingKey
    const mayJoin = isLine(message)
    bytes += message.body.length
    if (last !== undefined && isOpen && mayJoin && isSame && last.length < messagesMax && bytes <= bytesMax)
      last.push(one)
    else {
      groups.push([one])
      bytes = message.body.length
    }
    isOpen = mayJoin
  }
  return groups
}

/**
 * Makes one message of several: two lines of each, what it says of itself as JSON, and its body, untouched. What the broker spends on a
 * message (a third of what accepting an order cost), it spends once for all of them; it confirms or refuses all of them.
 */
export function bundle(messages: OutgoingMessage[]): OutgoingMessage {
  const [first, ...others] = messages
  if (first === undefined) throw new Error('no messages')
  if (others.length === 0) return first
  const { exchange, routingKey, mandatory, properties } = first
  const lines = messages.flatMap((message) => [Buffer.from(JSON.stringify(message.properties)), message.body])
  return {
    exchange,
    routingKey,
    ...(mandatory === undefined ? {} : { mandatory }),
    body: Buffer.concat(lines.flatMap((line) => [line, end])),
    properties: {
      messageId: `${properties.messageId}+${others.length}`,
      type,
      contentType: 'application/x-ndjson',
      ...(properties.timestamp === undefined ? {} : { timestamp: properties.timestamp }),
      headers: { messages: messages.length },
    },
  }
}
const end = Buffer.of(lineEnd)

/** How many messages a delivery says that it brings. */
export function countOf(properties: MessageProperties): number {
  const count: unknown = properties.type === type ? properties.headers?.['messages'] : 1
  return typeof count === 'number' && count > 1 ? count : 1
}

/** The messages of a bundle, in order; undefined for what is none, or cannot be read as one. */
export function bundled({ body, properties }: BundledMessage): BundledMessage[] | undefined {
  if (properties.type !== type) return undefined
  const { messages: _, ...byBroker } = properties.headers ?? {} // how often it was delivered, and why it died
  const found: BundledMessage[] = []
  let at = 0
  while (at < body.length) {
    const middle = body.indexOf(lineEnd, at)
    const last = middle < 0 ? -1 : body.indexOf(lineEnd, middle + 1)
    if (last < 0) return undefined
    const own = readProperties(body.toString('utf8', at, middle))
    if (own === undefined) return undefined
    if (Object.keys(byBroker).length > 0) own.headers = { ...own.headers, ...byBroker }
    found.push({ body: body.subarray(middle + 1, last), properties: own })
    at = last + 1
  }
  return found.length > 0 ? found : undefined
}

function readProperties(line: string): MessageProperties | undefined {
  try {
    const read: unknown = JSON.parse(line)
    const isObject = read !== null && typeof read === 'object' && !Array.isArray(read)
    return isObject ? (read as MessageProperties) : undefined
  } catch {
    return undefined
  }
}
