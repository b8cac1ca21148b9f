import type { Options } from '@ordermill/config'
import type { ApiMetrics, Logger, Registry } from '@ordermill/telemetry'
import type { FastifyInstance } from 'fastify'

/** The options of the API. */
export const apiOptionNames = [
  'NODE_ENV',
  'LOG_LEVEL',
  'POSTGRES_DSN',
  'REDIS_ADDR',
  'RABBITMQ_URL',
  'ELASTICSEARCH_URL',
  'ELASTICSEARCH_CLOUD_ID',
  'ELASTICSEARCH_API_KEY',
  'ELASTICSEARCH_CA_FILE',
  'NAMESPACE',
  'API_HOST',
  'API_PORT',
  'BODY_BYTES_MAX',
  'REQUEST_TIMEOUT_MS',
  'CONNECTIONS_MAX',
  'REQUESTS_MAX',
  'EVENT_LOOP_DELAY_MAX_MS',
  'RATE_LIMIT',
  'TRUST_PROXY',
  'CORS_ORIGINS',
  'COMPRESSION',
  'SHUTDOWN_DELAY_MS',
  'SHUTDOWN_MS',
  'DIRTY_LIMIT',
  'QUEUE_LENGTH_MAX',
  'PUBLISH_WINDOW',
  'PUBLISH_TIMEOUT_MS',
  'CACHE_TIMEOUT_MS',
  'DB_POOL_MAX',
  'DB_TIMEOUT_MS',
  'SEARCH_TIMEOUT_MS',
  'SEARCH_LAG_MAX_S',
  'SLOW_SEARCH_MS',
  'ADMIN_TOKEN',
  'CURSOR_SECRET',
] as const
export type ApiOptions = Options<(typeof apiOptionNames)[number]>

/** What every plugin is given. */
export interface Surroundings {
  app: FastifyInstance
  options: ApiOptions
  log: Logger
  registry: Registry
  metrics: ApiMetrics
}

/** How one thing that the API depends on says that it is; where that is less than well, `degraded`. */
export interface State {
  detail: string
  degraded?: boolean
}
/** One thing that the API depends on. `check` fails where it is away. */
export interface Dependency {
  name: string
  check(): Promise<State>
  /** In which state its breaker is, where it has one. */
  breaker?(): string
}

/** Whether a request asks how this process is: those are answered however much there is to do, and are never counted. */
export const isProbe = ({ url = '' }: { url?: string | undefined }): boolean =>
  /^\/(metrics|health|health\/live|health\/ready)(\?|$)/.test(url)
