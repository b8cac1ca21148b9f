import { Unavailable } from '@ordermill/model'
import { type Delivery, type Publisher, PublishFailed } from '@ordermill/queue'
import type { Logger } from '@ordermill/telemetry'

/** Why a delivery is parked. */
export interface Reason {
  code: string
  message: string
}

/** Sets deliveries aside with their reason, bytes untouched. */
export interface Parking {
  /** @throws Unavailable until the broker has confirmed all of them: only then may they be acked */
  park(parked: { delivery: Delivery; reason: Reason }[]): Promise<void>
}

interface ParkingParts {
  publisher: Pick<Publisher, 'publish'>
  queue: string
  /** By which key the exchange brings again what is parked here. */
  from: string
  log: Logger
  onParked(code: string): void
}

/** Longest reason that goes into a header: frames have a limit, reasons of Postgres do not. */
const reasonMax = 1_000

/**
 * Most bytes of headers, as JSON, that are kept with a parked message: ours need 2 kB. amqplib encodes up to 64 KiB, other
 * publishers send more; a message that cannot be parked for its headers would be in hand for ever.
 */
const headersMax = 12_000

/** The headers without the largest ones, if they are too much; `parked-dropped` names those. */
function fittingHeaders(headers: Record<string, unknown>): Record<string, unknown> {
  const sized = Object.entries(headers).map((entry) => ({ entry, bytes: Buffer.byteLength(JSON.stringify(entry)) }))
  sized.sort((a, b) => a.bytes - b.bytes)
  let room = headersMax
  const kept = sized.filter(({ bytes }) => {
    room -= bytes
    return room >= 0
  })
  if (kept.length === sized.length) return headers
  const dropped = sized.slice(kept.length).map(({ entry: [name] }) => name)
  return { ...Object.fromEntries(kept.map(({ entry }) => entry)), 'parked-dropped': dropped.join().slice(0, reasonMax) }
}

export function createParking({ publisher, queue, from, log, onParked }: ParkingParts): Parking {
  const confirmed = new WeakSet<Delivery>() // a repeated call parks only what the one before it did not
  return {
    async park(parked) {
      const all = parked.map(async ({ delivery, reason }) => {
        if (confirmed.has(delivery)) return
        const { body, properties } = delivery
        const headers = {
          ...fittingHeaders(properties.headers ?? {}),
          'parked-code': reason.code,
          'parked-reason': reason.message.slice(0, reasonMax),
          'parked-from': from,
        }
        const { messageId, type, correlationId, contentType, timestamp } = properties as unknown as Record<
          string,
          unknown
        >
        const kept = { messageId, type, correlationId, contentType, timestamp }
        const known = Object.fromEntries(Object.entries(kept).filter(([, value]) => value !== undefined))
        const id = typeof messageId === 'string' ? messageId : 'unknown'
        await publisher.publish({
          exchange: '',
          routingKey: queue,
          body,
          properties: { ...known, messageId: id, headers },
        })
        confirmed.add(delivery)
        onParked(reason.code)
        log.warn({ message_id: id, correlation_id: correlationId, code: reason.code, reason: reason.message }, 'parked')
      })
      const failed = (await Promise.allSettled(all)).find((result) => result.status === 'rejected')
      if (failed === undefined) return
      const { reason: cause } = failed as PromiseRejectedResult
      if (cause instanceof PublishFailed)
        throw new Unavailable('queue-away', 'The broker did not take what is to be parked.', { cause })
      throw cause
    },
  }
}
