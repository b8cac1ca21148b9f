import type { Options } from '@ordermill/config'
import type { ApiMetrics, Logger, Registry } from '@ordermill/telemetry'
import type { FastifyInstance, FastifyRequest } from 'fastify'

/** The options of the API. */
export const apiOptionNames = [
  'NODE_ENV',
  'LOG_LEVEL',
  'POSTGRES_DSN',
  'REDIS_ADDR',
  'RABBITMQ_URL',
  'ELASTICSEARCH_URL',
  'NAMESPACE',
  'API_HOST',
  'API_PORT',
  'BODY_BYTES_MAX',
  'REQUEST_TIMEOUT_MS',
  'CONNECTIONS_MAX',
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

/** How one thing that the API depends on is: ok with the milliseconds it took to say so, or why not. */
export interface Dependency {
  name: string
  check(): Promise<string>
}

/** Whether a request asks how this process is: those are answered however much there is to do, and are never counted. */
export const isProbe = ({ routeOptions: { url = '' } }: Pick<FastifyRequest, 'routeOptions'>): boolean =>
  url === '/metrics' || url === '/health' || url.startsWith('/health/')
