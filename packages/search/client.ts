import { Client } from '@elastic/elasticsearch'
import { toError, Unavailable } from '@ordermill/model'

export type EngineClient = Client

interface ClientParts {
  /** One or several nodes of one cluster. */
  urls: string[]
  timeout_ms: number
  /** Used instead of the nodes. */
  cloudId?: string
  /** Used instead of a user in a URL. */
  apiKey?: string
  /** Certificates (PEM) of who vouches for the engine's. */
  ca?: string | undefined
}

/**
 * A client for these nodes. It connects with the first call. A node that refuses the connection, or says that it is away, is passed over
 * for the next one, once each; else it retries nothing by itself: callers know what may be repeated.
 */
export function createSearchClient({ urls, timeout_ms, cloudId = '', apiKey = '', ca }: ClientParts): EngineClient {
  return new Client({
    ...(cloudId === '' ? { nodes: urls } : { cloud: { id: cloudId } }),
    ...(apiKey === '' ? {} : { auth: { apiKey } }),
    ...(ca === undefined ? {} : { tls: { ca } }),
    requestTimeout: timeout_ms,
    maxRetries: cloudId === '' ? Math.max(0, urls.length - 1) : 0,
    compression: false,
  })
}

/** Where the engine is, as it is configured. */
export interface EngineOptions {
  ELASTICSEARCH_URL: string[]
  ELASTICSEARCH_CLOUD_ID: string
  ELASTICSEARCH_API_KEY: string
  ELASTICSEARCH_CA_FILE: string | undefined
}
export const engineOptionNames = [
  'ELASTICSEARCH_URL',
  'ELASTICSEARCH_CLOUD_ID',
  'ELASTICSEARCH_API_KEY',
  'ELASTICSEARCH_CA_FILE',
] as const

/** A client for the engine that is configured; undefined where none is. */
export function searchClientOf(options: EngineOptions, timeout_ms: number): EngineClient | undefined {
  const { ELASTICSEARCH_URL: urls, ELASTICSEARCH_CLOUD_ID: cloudId } = options
  if (urls.length === 0 && cloudId === '') return undefined
  const { ELASTICSEARCH_API_KEY: apiKey, ELASTICSEARCH_CA_FILE: ca } = options
  return createSearchClient({ urls, cloudId, apiKey, ca, timeout_ms })
}

/** The engine does not answer, or not in time. */
export function engineAway(thrown: unknown): Unavailable {
  return new Unavailable('search-away', 'The search engine does not answer.', {
    cause: toError(thrown),
    retryAfterSeconds: 5,
  })
}
