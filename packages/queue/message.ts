import { BadData, type KeyUse, type Version } from '@ordermill/model'
import type { MessageProperties } from 'amqplib'
import type { OutgoingMessage } from './publisher.ts'

/** A version on its way, and what travels with it. */
export interface RecordMessage extends Version {
  /** The collection's type and its version: `orders.v1`. */
  type: string
  correlationId: string | undefined
  traceparent: string | undefined
}

interface Envelope {
  exchange: string
  collection: string
  type: string
  correlationId?: string | undefined
  traceparent?: string | undefined
  /** Where to say what became of it. */
  replyTo?: string | undefined
}

/** The message of a version: its JSON text is the body, untouched; what identifies it goes into headers. */
export function recordMessage(
  version: Version,
  { exchange, collection, type, correlationId, traceparent, replyTo }: Envelope,
): OutgoingMessage {
  return {
    exchange,
    routingKey: collection,
    body: Buffer.from(version.text),
    joins: true,
    properties: {
      messageId: `${version.id}:${version.version}`,
      type,
      contentType: 'application/json',
      timestamp: Math.floor(Date.now() / 1_000),
      ...(correlationId === undefined ? {} : { correlationId }),
      ...(replyTo === undefined ? {} : { replyTo }),
      headers: {
        id: version.id,
        version: version.version,
        hash: version.hash,
        deleted: version.deleted,
        ...(version.parent === null ? {} : { parent: version.parent }),
        ...(version.epoch === undefined ? {} : { epoch: version.epoch }),
        ...(version.keys.length === 0 ? {} : { keys: JSON.stringify(version.keys) }),
        ...(traceparent === undefined ? {} : { traceparent }),
      },
    },
  }
}

/**
 * Reads what a delivery says of itself; the body is not parsed here.
 * @throws BadData `unreadable` if a header is missing or not what it should be.
 */
export function readMessage(content: Buffer, properties: MessageProperties): RecordMessage {
  const headers: Record<string, unknown> = properties.headers ?? {}
  const { id, version, hash, parent, deleted, keys, epoch, traceparent } = headers
  const type: unknown = properties.type
  if (typeof type !== 'string') throw new BadData('unreadable', 'the message has no type')
  if (typeof id !== 'string') throw new BadData('unreadable', 'the header id is missing')
  if (typeof version !== 'number' || !Number.isInteger(version) || version < 1)
    throw new BadData('unreadable', 'the header version is not a whole number from 1')
  if (typeof hash !== 'string') throw new BadData('unreadable', 'the header hash is missing')
  if (parent !== undefined && typeof parent !== 'string')
    throw new BadData('unreadable', 'the header parent is not text')
  const correlationId: unknown = properties.correlationId
  return {
    id,
    version,
    hash,
    parent: parent ?? null,
    deleted: deleted === true,
    keys: readKeys(keys),
    ...(typeof epoch === 'string' ? { epoch } : {}),
    text: content.toString(),
    type,
    correlationId: typeof correlationId === 'string' ? correlationId : undefined,
    traceparent: typeof traceparent === 'string' ? traceparent : undefined,
  }
}

function readKeys(header: unknown): KeyUse[] {
  if (header === undefined) return []
  try {
    const keys: unknown = JSON.parse(String(header))
    if (Array.isArray(keys) && keys.every(isKeyUse)) return keys
  } catch {
    // said below
  }
  throw new BadData('unreadable', 'the header keys is not a list of keyed writes')
}

const isKeyUse = (value: unknown): value is KeyUse =>
  value !== null &&
  typeof value === 'object' &&
  'key' in value &&
  typeof value.key === 'string' &&
  'fingerprint' in value &&
  typeof value.fingerprint === 'string' &&
  'version' in value &&
  typeof value.version === 'number'
