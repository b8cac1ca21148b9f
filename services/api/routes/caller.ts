import type { Replies } from '@ordermill/queue'
import type { FastifyRequest } from 'fastify'
import type { Caller } from '../accepting.ts'

/** One header of a request; undefined if it is absent or was sent more than once. */
export function headerOf(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name]
  return typeof value === 'string' ? value : undefined
}

/** Who asks, as the request's headers tell; `replies` where the answer waits for the worker. */
export const callerOf = (request: FastifyRequest, replies?: Pick<Replies, 'address'>): Caller => ({
  correlationId: request.id,
  traceparent: headerOf(request, 'traceparent'),
  key: headerOf(request, 'idempotency-key'),
  replyTo: replies?.address(),
})
