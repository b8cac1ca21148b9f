import type { OutgoingMessage } from './publisher.ts'

/** What others are told of a change: that it happened, and where to look. The record itself is read from the API. */
export interface ToldChange {
  id: string
  version: number
  /** Grows with every change of the record, also by hand: what is not above the last one seen is old news. */
  change_seq: number
  /** Whether it is the first version. */
  created: boolean
  deleted: boolean
  /** Each field that is not as it was in version `since`, or that changed and changed back, by the version that changed it last. */
  changed: Record<string, number>
  since: number
  /** When the version was accepted, RFC 3339. */
  changed_at: string
}

/** The routing key of a collection's changes, and the type of their messages. */
export const changedKey = (collection: string): string => `${collection}.changed`

/** The message about a change. */
export function changeMessage(
  change: ToldChange,
  { exchange, collection, mandatory }: { exchange: string; collection: string; mandatory: boolean },
): OutgoingMessage {
  const routingKey = changedKey(collection)
  return {
    exchange,
    routingKey,
    mandatory,
    body: Buffer.from(JSON.stringify(change)),
    properties: {
      messageId: `${change.id}:${change.change_seq}`,
      type: routingKey,
      contentType: 'application/json',
      timestamp: Math.floor(Date.now() / 1_000),
    },
  }
}
