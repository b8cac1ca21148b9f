import { BadData } from '@ordermill/model'
import type { MessageProperties } from 'amqplib'
import type { OutgoingMessage } from './publisher.ts'

/** A bulk on its way: all its records in one message, for one transaction. */
export interface BulkMessage {
  id: string
  /** Of the request that made it. */
  fingerprint: string
  /** JSON texts of the first versions of its members, in the order they were sent. */
  texts: string[]
  correlationId: string | undefined
  /** W3C trace context of the request, where it had one. */
  traceparent?: string | undefined
}

interface Envelope {
  exchange: string
  collection: string
  type: string
  replyTo: string | undefined
}

export function bulkMessage(bulk: BulkMessage, { exchange, collection, type, replyTo }: Envelope): OutgoingMessage {
  return {
    exchange,
    routingKey: `${collection}.bulk`,
    body: Buffer.from(`[${bulk.texts.join()}]`),
    properties: {
      messageId: bulk.id,
      type,
      contentType: 'application/json',
      timestamp: Math.floor(Date.now() / 1_000),
      ...(bulk.correlationId === undefined ? {} : { correlationId: bulk.correlationId }),
      ...(replyTo === undefined ? {} : { replyTo }),
      headers: {
        id: bulk.id,
        fingerprint: bulk.fingerprint,
        ...(bulk.traceparent === undefined ? {} : { traceparent: bulk.traceparent }),
      },
    },
  }
}

/** @throws BadData `unreadable` if a header is missing or the body is not a list of objects */
export function readBulkMessage(content: Buffer, properties: MessageProperties): BulkMessage & { type: string } {
  const { id, fingerprint } = (properties.headers ?? {}) as Record<string, unknown>
  const { type, correlationId } = properties as unknown as Record<string, unknown>
  if (typeof id !== 'string' || typeof fingerprint !== 'string')
    throw new BadData('unreadable', 'the headers id and fingerprint are missing')
  let members: unknown
  try {
    members = JSON.parse(content.toString())
  } catch (cause) {
    throw new BadData('unreadable', 'the body is not JSON', { cause })
  }
  if (!Array.isArray(members) || members.length === 0)
    throw new BadData('unreadable', 'the body is not a list of records')
  return {
    id,
    fingerprint,
    texts: members.map((member) => JSON.stringify(member)),
    type: String(type),
    correlationId: typeof correlationId === 'string' ? correlationId : undefined,
  }
}
