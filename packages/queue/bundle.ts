import type { MessageProperties } from 'amqplib'
import type { OutgoingMessage } from './publisher.ts'

/** The type of a bundle: several messages that travel as one. */
export const bundleType = 'ordermill.bundle'
export const bundleContentType = 'application/x-ndjson'

/** Most messages in a bundle, and most bytes of them: who takes messages has as many times more in hand. */
export const messagesMax = 16
const bytesMax = 32 * 1_024

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
    const isSame =
      message.exchange === before?.exchange &&
      message.routingKey === before.routingKey &&
      message.mandatory === before.mandatory
    const mayJoin = isLine(message)
    bytes += sizeOf(message)
    if (last !== undefined && isOpen && mayJoin && isSame && last.length < messagesMax && bytes <= bytesMax)
      last.push(one)
    else {
      groups.push([one])
      bytes = sizeOf(message)
    }
    isOpen = mayJoin
  }
  return groups
}

/** How many bytes it takes in a bundle, about: of what it says of itself only the keys may be long. */
const sizeOf = ({ body, properties }: OutgoingMessage): number =>
  body.length + 500 + String(properties.headers?.['keys'] ?? '').length

/**
 * Makes one message of several: two lines of each, what it says of itself as JSON, and its body, untouched. What the broker spends on a
 * message (a third of what accepting an order cost), it spends once for all of them; it confirms or refuses all of them.
 * @param number tells it from other bundles of this sender that begin with the same message
 */
export function bundle(messages: OutgoingMessage[], number: number): OutgoingMessage {
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
      messageId: `${properties.messageId}+${others.length}.${number}`,
      type: bundleType,
      contentType: bundleContentType,
      ...(properties.timestamp === undefined ? {} : { timestamp: properties.timestamp }),
      headers: { messages: messages.length },
    },
  }
}
const end = Buffer.of(lineEnd)

/** How many messages a delivery says that it brings: one, unless it is a bundle of ours. */
export function countOf(properties: MessageProperties): number {
  const count: unknown = properties.type === bundleType ? properties.headers?.['messages'] : 1
  return typeof count === 'number' && Number.isInteger(count) && count > 1 && count <= messagesMax ? count : 1
}

/** The messages of a bundle, in order; undefined for what is none, or cannot be read as one. */
export function bundled({ body, properties }: BundledMessage): BundledMessage[] | undefined {
  if (properties.type !== bundleType) return undefined
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

/** What a message says of itself, as ours do: what AMQP cannot carry would keep it from being parked. */
function readProperties(line: string): MessageProperties | undefined {
  let read: unknown
  try {
    read = JSON.parse(line)
  } catch {
    return undefined
  }
  if (!isObject(read)) return undefined
  for (const name in read) if (!isKnown(name, read[name])) return undefined
  return read['messageId'] !== undefined && read['headers'] !== undefined
    ? (read as unknown as MessageProperties)
    : undefined
}

function isKnown(property: string, value: unknown): boolean {
  switch (property) {
    case 'messageId':
    case 'type':
    case 'contentType':
    case 'correlationId':
    case 'replyTo':
      return isShort(value)
    case 'timestamp':
      return Number.isSafeInteger(value) && (value as number) >= 0
    case 'headers':
      if (!isObject(value)) return false
      for (const name in value) if (!isShort(name) || !isPlain(value[name])) return false
      return true
    default:
      return false
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  value !== null && typeof value === 'object' && !Array.isArray(value)
/** A text of at most 255 bytes (AMQP 0-9-1, section 4.2.5.3, short strings). */
const isShort = (value: unknown): boolean =>
  typeof value === 'string' && (value.length <= 85 || Buffer.byteLength(value) <= 255)
const isPlain = (value: unknown): boolean =>
  typeof value === 'string' || typeof value === 'boolean' || Number.isSafeInteger(value)
