import { errors } from '@elastic/elasticsearch'
import { toError, type Unavailable } from '@ordermill/model'
import { engineAway } from './client.ts'

/** The engine answers, but refuses the index or us: someone has to look. No row may be passed meanwhile. */
export class EngineRefused extends Error {
  readonly code: string
  constructor(code: string, options?: ErrorOptions) {
    super(`the search engine refuses to write: ${code}`, options)
    this.name = 'EngineRefused'
    this.code = code
  }
}

/** Statuses of an item after which nothing may be passed: index missing, not allowed, not authenticated, blocked by the engine. */
const refusingStatuses = new Set([401, 403, 404])
/** A block is a block, though one for want of space comes as 429. */
const blocked = 'cluster_block_exception'

/** Whether one item's answer is about the index or us, and not about its document. */
export const isRefusal = (status: number, type: string | undefined): boolean =>
  refusingStatuses.has(status) || type === blocked

/** What a failed call means. */
export function refusedOrAway(thrown: unknown): EngineRefused | Unavailable {
  if (thrown instanceof EngineRefused) return thrown
  if (!(thrown instanceof errors.ResponseError)) return engineAway(thrown)
  const { statusCode = 500 } = thrown
  const type = typeOf(thrown)
  const isItsAnswer = statusCode < 500 && statusCode !== 408 && statusCode !== 429
  return isItsAnswer || type === blocked ? new EngineRefused(type, { cause: toError(thrown) }) : engineAway(thrown)
}

/** What the engine calls an error, else its status. */
export function typeOf(error: errors.ResponseError): string {
  const body: unknown = error.body
  if (body !== null && typeof body === 'object' && 'error' in body) {
    const { error: inner } = body
    if (inner !== null && typeof inner === 'object' && 'type' in inner) return String(inner.type)
  }
  return String(error.statusCode)
}
