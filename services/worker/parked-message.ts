import { hash } from 'node:crypto'
import type { ParkedMessage, ParkedRow } from '@ordermill/database'
import { type Collection, hashOf, isId } from '@ordermill/model'
import type { Delivery, OutgoingMessage } from '@ordermill/queue'

/** Headers that are about the way of a message, not part of it: ours, and those of the broker. */
const ofTheWay = /^(?:parked-|x-(?:death|first-death-|last-death-|delivery-count|acquired-count|opt-))|^replays$/

const own = (headers: Record<string, unknown>) =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !ofTheWay.test(name)))

/** A delivery of the parked queue, as the ledger keeps it. Whatever it is, there is a row for it. */
export function readParked(c: Collection, { body, properties }: Delivery): ParkedMessage {
  const { headers: given, ...rest } = properties as unknown as Record<string, unknown>
  const headers = (given ?? {}) as Record<string, unknown>
  const known = Object.entries(rest).filter(([, value]) => value !== undefined)
  const { type, correlationId } = rest
  const code = textOf(headers['parked-code']) ?? 'dead-lettered'
  const reason = textOf(headers['parked-reason']) ?? `the broker gave it up: ${deathOf(headers)}`
  const { id, version, hash } = identified(headers)
  const parent = textOf(headers['parent'])
  const isWhole = id !== null && version !== null && hash !== null && hash === hashOf(body.toString(), parent)
  return {
    collection: c.name,
    // What is not what its headers say is another thing for each of its bytes.
    identity: isWhole ? `${id}:${version}:${hash}` : digestOf(body, own(headers)),
    routingKey: textOf(headers['parked-from']) ?? (isBulk(headers) ? `${c.name}.bulk` : c.name),
    type: textOf(type),
    id,
    version,
    hash,
    code,
    reason,
    fingerprint: fingerprintOf(code, reason),
    body,
    headers,
    properties: Object.fromEntries(known),
    correlationId: textOf(correlationId),
    epoch: textOf(headers['epoch']) ?? '',
    replays: typeof headers['replays'] === 'number' ? Math.max(0, Math.trunc(headers['replays'])) : 0,
  }
}

/** The message that a row came as, to be published again: it says how often that was done. */
export function replayOf(row: ParkedRow, exchange: string): OutgoingMessage {
  const { messageId, type, correlationId, contentType, timestamp } = row.properties
  const kept = Object.entries({ type, correlationId, contentType, timestamp }).filter(
    ([, value]) => value !== undefined,
  )
  return {
    exchange,
    routingKey: row.routingKey,
    body: row.body,
    properties: {
      ...Object.fromEntries(kept),
      messageId: textOf(messageId) ?? 'unknown',
      headers: { ...headersOf(row), replays: row.replays + 1 },
    },
  }
}

/** The row as the delivery that was parked: for a dry run. */
export function deliveryOf(row: ParkedRow): Delivery {
  const properties = { ...row.properties, headers: headersOf(row) } as unknown as Delivery['properties']
  return { body: row.body, properties, redelivered: false, tag: 0 }
}

/** The headers it came with; bytes, which JSON lacks, made bytes again. */
const headersOf = ({ headers }: ParkedRow): Record<string, unknown> =>
  JSON.parse(JSON.stringify(own(headers)), (_key, value: unknown) =>
    value !== null && typeof value === 'object' && 'type' in value && value.type === 'Buffer' && 'data' in value
      ? Buffer.from(value.data as number[])
      : value,
  ) as Record<string, unknown>

/** Reasons that differ in numbers, ids, hashes and what they quote of a body are of one kind. */
export function fingerprintOf(code: string, reason: string): string {
  const kind = (code === 'unreadable' ? reason.replace(/"[\s\S]*"|'[\s\S]*'/g, '…') : reason)
    .replace(/built on [\w-]+/, 'built on #')
    .replace(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '#')
    .replace(/\d+/g, '#')
  return hash('sha256', `${code}\n${kind}`, 'base64url').slice(0, 12)
}

function identified(headers: Record<string, unknown>) {
  const { id, version, hash } = headers
  const isVersion = typeof version === 'number' && Number.isInteger(version) && version >= 1 && version < 2 ** 31
  return {
    id: typeof id === 'string' && isId(id) ? id : null,
    version: isVersion ? version : null,
    hash: typeof hash === 'string' && /^[\w-]{22}$/.test(hash) ? hash : null,
  }
}

const digestOf = (body: Buffer, headers: Record<string, unknown>): string => {
  const sorted = Object.entries(headers).sort(([a], [b]) => (a < b ? -1 : 1))
  return hash('sha256', Buffer.concat([Buffer.from(`${JSON.stringify(sorted)}\n`), body]), 'base64url')
}

const isBulk = (headers: Record<string, unknown>) => 'fingerprint' in headers && !('version' in headers)
const deathOf = (headers: Record<string, unknown>) => textOf(headers['x-first-death-reason']) ?? 'nobody said why'
const textOf = (value: unknown): string | null => (typeof value === 'string' ? value : null)
