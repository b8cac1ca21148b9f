import { engineOptions } from './engine-options.ts'
import {
  anyText,
  devOr,
  minute_ms,
  networks,
  type Option,
  oneOf,
  origins,
  postgresDsn,
  redisAddress,
  schedule,
  scheduleOrNever,
  urls,
  whole,
} from './kinds.ts'

/** Every option there is. Names are those that users of such systems know. */
export const options = {
  NODE_ENV: oneOf({
    about: 'Where this runs; production insists on what is merely said elsewhere.',
    values: ['development', 'test', 'production'],
    default: 'development',
  }),
  LOG_LEVEL: oneOf({
    about: 'The least severe log lines to write.',
    values: ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
    default: 'info',
  }),

  POSTGRES_DSN: postgresDsn({ about: 'Postgres, the source of truth.', secret: true }),
  REDIS_ADDR: redisAddress({ about: 'Redis, the write-back cache.', secret: true }),
  RABBITMQ_URL: urls({
    about: 'RabbitMQ, the queue; several are tried in turn.',
    protocols: ['amqp:', 'amqps:'],
    secret: true,
  }),
  ...engineOptions,
  NAMESPACE: anyText({
    about: 'Goes before the names of exchanges, queues, indices and keys, so that several installations share servers.',
    min: 0,
    max: 40,
    pattern: /^([a-z0-9][a-z0-9._-]*)?$/,
    of: 'characters: a-z, 0-9, and after the first also . _ -',
    default: '',
  }),

  API_HOST: anyText({
    about: 'Address the API listens on; of a name that has several, the first.',
    min: 1,
    max: 255,
    default: devOr('127.0.0.1', '0.0.0.0'),
  }),
  API_PORT: whole({ about: 'Port of the API; 0 takes any.', min: 0, max: 65_535, default: '8080' }),
  BODY_BYTES_MAX: whole({
    about: 'Largest request body, in bytes.',
    min: 1_024,
    max: 16 * 1024 * 1024,
    default: String(1024 * 1024),
  }),
  REQUEST_TIMEOUT_MS: whole({
    about: 'Longest a client may take to send a request, in milliseconds; its headers must come in a third of that.',
    min: 1_000,
    max: 10 * minute_ms,
    default: '30000',
  }),
  CONNECTIONS_MAX: whole({
    about: 'Most connections of clients; more are closed at once.',
    min: 10,
    max: 1_000_000,
    default: '10000',
  }),
  REQUESTS_MAX: whole({
    about:
      'Most requests worked on at the same time, those that only wait for others not counted; more are answered 503.',
    min: 10,
    max: 100_000,
    default: '1000',
  }),
  EVENT_LOOP_DELAY_MAX_MS: whole({
    about: 'How late the event loop may be, in milliseconds, before requests are answered 503; 0: never.',
    min: 0,
    max: minute_ms,
    default: devOr('5000', '1000'),
  }),
  RATE_LIMIT: whole({
    about: 'Most requests a second of one caller, over all API processes; 0: no limit.',
    min: 0,
    max: 1_000_000,
    default: '0',
  }),
  TRUST_PROXY: networks({
    about: 'Proxies that are believed when X-Forwarded-For names the client; empty: none is.',
    default: '',
  }),
  CORS_ORIGINS: origins({ about: 'Web pages that may call the API from browsers; empty: none.', default: '' }),
  COMPRESSION: oneOf({
    about: 'Whether answers are compressed; a proxy in front usually does it better.',
    values: ['on', 'off'],
    default: 'off',
  }),
  SHUTDOWN_DELAY_MS: whole({
    about:
      'How long the API, told to stop by SIGTERM, goes on answering while it says that it is not ready, so that balancers can leave it, in milliseconds.',
    min: 0,
    max: minute_ms,
    default: devOr('0', '5000'),
  }),
  SHUTDOWN_MS: whole({
    about: 'How long a stop waits for what is in flight, in milliseconds.',
    min: 100,
    max: 5 * minute_ms,
    default: '10000',
  }),

  WORKER_HOST: anyText({
    about: 'Address the worker serves health and metrics on.',
    min: 1,
    max: 255,
    default: devOr('127.0.0.1', '0.0.0.0'),
  }),
  WORKER_PORT: whole({
    about: "Port of the worker's health and metrics; 0 takes any.",
    min: 0,
    max: 65_535,
    default: '9091',
  }),

  DIRTY_LIMIT: whole({
    about: 'Most records that may be dirty before new ones are answered 503; shared evenly by 64 buckets.',
    min: 64,
    max: 100_000_000,
    default: '500000',
  }),
  QUEUE_LENGTH_MAX: whole({
    about: 'Most messages in the queue of records, bundles counted as one; beyond it the broker refuses them.',
    min: 1_000,
    max: 100_000_000,
    default: '1000000',
  }),
  PUBLISH_WINDOW: whole({
    about: 'Most publishes that may await their confirm.',
    min: 1,
    max: 65_535,
    default: '4096',
  }),
  PUBLISH_TIMEOUT_MS: whole({
    about: 'How long a publish waits for its confirm, in milliseconds.',
    min: 50,
    max: minute_ms,
    default: '5000',
  }),
  CACHE_TIMEOUT_MS: whole({
    about: 'Longest a command to Redis may take, in milliseconds.',
    min: 50,
    max: minute_ms,
    default: devOr('1000', '500'),
  }),

  BATCH_MAX: whole({ about: 'Most records in one batch to Postgres.', min: 1, max: 1_000, default: '500' }),
  BATCH_WAIT_MS: whole({
    about:
      'How long after the one before it a batch waits for company, in milliseconds; what comes alone goes at once, and so does all that PREFETCH lets come.',
    min: 0,
    max: 1_000,
    default: '25',
  }),
  PREFETCH: whole({
    about: 'Most unacknowledged messages a worker holds, bundles counted as one.',
    min: 1,
    max: 65_535,
    default: '500',
  }),
  MESSAGE_TIMEOUT_MS: whole({
    about: 'Deadline of each attempt to persist a batch, in milliseconds.',
    min: 100,
    max: 10 * minute_ms,
    default: '10000',
  }),
  FLUSH_AFTER_MS: whole({
    about: 'How long a record may be dirty before the flusher publishes it again, in milliseconds.',
    min: 100,
    max: 60 * minute_ms,
    default: '10000',
  }),
  FOLLOW_EVERY_MS: whole({
    about: 'How often a follower looks for changes that nobody told it of, in milliseconds.',
    min: 10,
    max: minute_ms,
    default: '500',
  }),
  FOLLOW_BATCH: whole({
    about: 'Most documents in one bulk call to Elasticsearch.',
    min: 1,
    max: 10_000,
    default: '1000',
  }),
  AUDIT_SCHEDULE: scheduleOrNever({
    about: 'When the search index and the cache are held against Postgres, and what differs is repaired.',
    default: devOr('', '@daily'),
  }),
  CHANGES: oneOf({
    about:
      'Whether others are told of changes, on the exchange ordermill.changes. Switched on again, it goes on where it was.',
    values: ['on', 'off'],
    default: 'on',
  }),
  SIMULATE_FAILURE_PRODUCT: anyText({
    about:
      'A product of this name makes its bulk fail inside the transaction, so that a rollback can be watched; empty: none does.',
    min: 0,
    max: 500,
    default: devOr('ERROR', ''),
  }),
  MV_REFRESH_SCHEDULE: schedule({ about: 'When the materialized views are refreshed.', default: '@hourly' }),

  DB_POOL_MAX: whole({
    about: 'Most connections to Postgres per process.',
    min: 1,
    max: 200,
    default: devOr('10', '20'),
  }),
  DB_TIMEOUT_MS: whole({
    about: 'Longest a statement of a request may take, in milliseconds.',
    min: 50,
    max: 10 * minute_ms,
    default: devOr('5000', '3000'),
  }),
  SEARCH_TIMEOUT_MS: whole({
    about: 'Longest a search may take, in milliseconds.',
    min: 50,
    max: minute_ms,
    default: devOr('3000', '2000'),
  }),
  SLOW_SEARCH_MS: whole({
    about: 'A search that takes longer, in milliseconds, is logged, without what it looked for; 0: none is.',
    min: 0,
    max: minute_ms,
    default: devOr('1000', '500'),
  }),
  SEARCH_LAG_MAX_S: whole({
    about:
      'How far behind Elasticsearch may be, in seconds, before Postgres answers searches if it is less far behind.',
    min: 1,
    max: 86_400,
    default: '60',
  }),
  ADMIN_TOKEN: anyText({
    about: 'Bearer token of /api/admin; empty leaves it open to everybody, and production insists on one.',
    min: 0,
    max: 4_096,
    default: devOr('', undefined),
    secret: true,
  }),
  CURSOR_SECRET: anyText({
    about:
      'What cursors of searches are sealed with, alike in all API processes; empty: made of ADMIN_TOKEN, and without that by each process for itself.',
    min: 0,
    max: 4_096,
    pattern: /^(.{16,})?$/s,
    of: 'characters, 16 at least or none',
    default: '',
    secret: true,
  }),
} satisfies Record<string, Option<unknown>>

type Name = keyof typeof options
/** The options by name, as they were read. */
export type Options<N extends Name = Name> = { [K in N]: (typeof options)[K] extends Option<infer T> ? T : never }
