import { Refused } from '@ordermill/model'
import type { Replies } from '@ordermill/queue'
import type { FastifyRequest } from 'fastify'
import type { Caller } from '../accepting.ts'

/** One header of a request; undefined if it is absent or was sent more than once. */
export function headerOf(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name]
  return typeof value === 'string' ? value : undefined
}

/** A traceparent of W3C Trace Context, section 3.2.2. Anything else is no trace, and goes no further. */
const trace = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/

function traceOf(request: FastifyRequest): string | undefined {
  const given = headerOf(request, 'traceparent')
  return given !== undefined && trace.test(given) ? given : undefined
}

/** The Idempotency-Key. Node joins a header that was sent twice: that would be a key that nobody chose. @throws Refused */
function keyOf(request: FastifyRequest): string | undefined {
  const key = headerOf(request, 'idempotency-key')
  if (key !== undefined && (request.raw.headersDistinct['idempotency-key']?.length ?? 0) > 1)
    throw new Refused('key-malformed', 'The Idempotency-Key was sent more than once.')
  return key
}

/** The correlation id that the caller sent; undefined if it is one of ours: a statement that carries none stays prepared. */
export const sentId = (request: FastifyRequest): string | undefined =>
  request.headers['x-correlation-id'] === request.id ? request.id : undefined

/** Who asks, as the request's headers tell; `replies` where the answer waits for the worker. */
export const callerOf = (request: FastifyRequest, replies?: Pick<Replies, 'address'>): Caller => ({
  correlationId: request.id,
  sentId: sentId(request),
  traceparent: traceOf(request),
  key: keyOf(request),
  replyTo: replies?.address(),
})
