import type { OutgoingMessage } from './publisher.ts'

/** The type of a barrier: a message that says nothing but that all before it have been dealt with when it is its turn. */
const type = 'ordermill.barrier'

/** A barrier goes the way of the records of a collection, behind those that are in their queue. */
export function barrierMessage(
  barrier: string,
  { exchange, collection }: { exchange: string; collection: string },
): OutgoingMessage {
  return {
    exchange,
    routingKey: collection,
    body: Buffer.from(JSON.stringify({ barrier })),
    properties: {
      messageId: barrier,
      type,
      contentType: 'application/json',
      timestamp: Math.floor(Date.now() / 1_000),
      headers: {},
    },
  }
}

/** Which barrier a message is; undefined if it is none. */
export const readBarrier = ({ type: given, messageId }: { type?: unknown; messageId?: unknown }): string | undefined =>
  given === type ? String(messageId) : undefined
