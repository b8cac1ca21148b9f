import { Client } from '@elastic/elasticsearch'
import { toError, Unavailable } from '@ordermill/model'

export type EngineClient = Client

/** A client for these nodes. It connects with the first call and retries nothing by itself: callers know what may be repeated. */
export function createSearchClient({ urls, timeout_ms }: { urls: string[]; timeout_ms: number }): EngineClient {
  return new Client({ nodes: urls, requestTimeout: timeout_ms, maxRetries: 0, compression: false })
}

/** The engine does not answer, or not in time. */
export function engineAway(thrown: unknown): Unavailable {
  return new Unavailable('search-away', 'The search engine does not answer.', {
    cause: toError(thrown),
    retryAfterSeconds: 5,
  })
}
