import type { Options } from '@ordermill/config'

/** The options of the worker. */
export const workerOptionNames = [
  'NODE_ENV',
  'LOG_LEVEL',
  'POSTGRES_DSN',
  'REDIS_ADDR',
  'RABBITMQ_URL',
  'ELASTICSEARCH_URL',
  'NAMESPACE',
  'WORKER_HOST',
  'WORKER_PORT',
  'SHUTDOWN_MS',
  'DIRTY_LIMIT',
  'QUEUE_LENGTH_MAX',
  'PUBLISH_WINDOW',
  'PUBLISH_TIMEOUT_MS',
  'CACHE_TIMEOUT_MS',
  'BATCH_MAX',
  'BATCH_WAIT_MS',
  'PREFETCH',
  'MESSAGE_TIMEOUT_MS',
  'FLUSH_AFTER_MS',
  'FOLLOW_EVERY_MS',
  'FOLLOW_BATCH',
  'CHANGES',
  'SIMULATE_FAILURE_PRODUCT',
  'MV_REFRESH_SCHEDULE',
  'DB_POOL_MAX',
  'SEARCH_TIMEOUT_MS',
] as const
export type WorkerOptions = Options<(typeof workerOptionNames)[number]>
