import type { OutgoingMessage } from './publisher.ts'

/** Where method and header of a message are put together: those with more are not for us. */
const scratch = Buffer.allocUnsafeSlow(2_048)
/** What a frame has around its payload: its type, channel and size, and the octet that ends it. */
const around_bytes = 8

/** Values that need more room, or another form, than is known here. */
class Unknown extends Error {}

/**
 * `basic.publish` with its content as AMQP 0-9-1 has it on the wire: three frames (section 4.2), the fields of which are in
 * sections 1.8.3.3 (method) and 4.2.6.1 (content header). The same bytes that amqplib makes of it, which makes an object with a prototype
 * of its own for each message, for which V8 has to make up a class of objects: that takes 10 µs a message, this takes 1.
 * Gives undefined for what is not known here: a body that takes several frames, other properties, headers that are neither text, nor
 * whole numbers, nor booleans.
 * @param frameMax_bytes as the broker agreed to
 */
export function encodePublish(channel: number, message: OutgoingMessage, frameMax_bytes: number): Buffer | undefined {
  const { exchange, routingKey, body, properties, mandatory = true } = message
  if (body.length === 0 || body.length + around_bytes > frameMax_bytes) return undefined
  try {
    let at = frame(0, methodFrame, channel)
    at = u16(at, 60) // class basic
    at = u16(at, 40) // method publish
    at = u16(at, 0) // ticket
    at = shortText(at, exchange)
    at = shortText(at, routingKey)
    at = u8(at, mandatory ? 1 : 0)
    const header = end(0, at)
    at = frame(header, headerFrame, channel)
    at = u16(at, 60)
    at = u16(at, 0) // weight
    at = u64(at, body.length)
    at = content(at, properties)
    at = end(header, at)
    const all = Buffer.allocUnsafe(at + around_bytes + body.length)
    scratch.copy(all, 0, 0, at)
    all[at] = bodyFrame
    all.writeUInt16BE(channel, at + 1)
    all.writeUInt32BE(body.length, at + 3)
    body.copy(all, at + 7)
    all[all.length - 1] = frameEnd
    return all
  } catch (thrown) {
    if (thrown instanceof Unknown) return undefined
    throw thrown
  }
}

const [methodFrame, headerFrame, bodyFrame, frameEnd] = [1, 2, 3, 0xce]

/** Properties by the bit that says each is there, in the order in which they come. */
function content(from: number, properties: OutgoingMessage['properties']): number {
  const { contentType, headers, correlationId, replyTo, messageId, timestamp, type, ...others } = properties
  for (const name in others) if (others[name as keyof typeof others] !== undefined) throw new Unknown()
  let flags = (1 << 13) | (1 << 12) | (1 << 7) // headers, delivery mode and message id are always there
  let at = from + 2
  if (contentType !== undefined) {
    flags |= 1 << 15
    at = shortText(at, contentType)
  }
  at = table(at, headers ?? {})
  at = u8(at, 2) // delivery mode: persistent
  if (correlationId !== undefined) {
    flags |= 1 << 10
    at = shortText(at, correlationId)
  }
  if (replyTo !== undefined) {
    flags |= 1 << 9
    at = shortText(at, replyTo)
  }
  at = shortText(at, messageId)
  if (timestamp !== undefined) {
    flags |= 1 << 6
    at = u64(at, timestamp)
  }
  if (type !== undefined) {
    flags |= 1 << 5
    at = shortText(at, type)
  }
  u16(from, flags)
  return at
}

function table(from: number, values: Record<string, unknown>): number {
  let at = from + 4
  for (const name in values) {
    const value = values[name]
    if (value === undefined) continue
    at = shortText(at, name)
    if (typeof value === 'string') {
      at = u8(at, 83) // S: long text
      const last = text(at + 4, value)
      u32(at, last - at - 4)
      at = last
    } else if (typeof value === 'boolean') {
      at = u8(at, 116) // t
      at = u8(at, value ? 1 : 0)
    } else if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < 2 ** 31) {
      at = whole(at, value)
    } else throw new Unknown()
  }
  u32(from, at - from - 4)
  return at
}

/** A whole number in the shortest form that holds it with a sign. */
function whole(at: number, value: number): number {
  if (value < 2 ** 7) return u8(u8(at, 98), value) // b
  if (value < 2 ** 15) return u16(u8(at, 115), value) // s
  return u32(u8(at, 73), value) // I
}

/** Begins a frame; its size is written when it ends. */
function frame(at: number, type: number, channel: number): number {
  u16(u8(at, type), channel)
  return at + 7
}

function end(from: number, at: number): number {
  u32(from + 3, at - from - 7)
  return u8(at, frameEnd)
}

function u8(at: number, value: number): number {
  if (at >= scratch.length) throw new Unknown()
  scratch[at] = value
  return at + 1
}

function u16(at: number, value: number): number {
  return u8(u8(at, value >>> 8), value)
}

function u32(at: number, value: number): number {
  return u16(u16(at, value >>> 16), value)
}

function u64(at: number, value: number): number {
  return u32(u32(at, Math.floor(value / 2 ** 32)), value % 2 ** 32)
}

function shortText(at: number, value: string): number {
  const last = text(at + 1, value)
  if (last - at - 1 > 255) throw new Unknown()
  u8(at, last - at - 1)
  return last
}

function text(from: number, value: string): number {
  if (from + value.length > scratch.length) throw new Unknown()
  for (let at = 0; at < value.length; at += 1) {
    const code = value.charCodeAt(at)
    if (code > 127) return longerText(from, value)
    scratch[from + at] = code
  }
  return from + value.length
}

function longerText(at: number, value: string): number {
  if (at + 3 * value.length > scratch.length) throw new Unknown()
  return at + scratch.write(value, at)
}
