import { connectCache, createBarriers, createCleanCopies, createDirty, createRecordCache } from '@ordermill/cache'
import {
  createDatabase,
  createJobs,
  createLeases,
  createLedger,
  createReader,
  createRejectsView,
  createTable,
  type Database,
} from '@ordermill/database'
import { type Collection, newId } from '@ordermill/model'
import { createConsumer, createPublisher, topologyOf } from '@ordermill/queue'
import { indexDefinition, searchClientOf } from '@ordermill/search'
import { createRegistry, type Logger, measured, statementOp, workerMetrics } from '@ordermill/telemetry'
import type { WorkerOptions } from './options.ts'
import { retryWhileUnavailable } from './retry.ts'
import { watchWrites } from './watch-writes.ts'

/** Everything that a worker holds on to, by name. Nothing waits for its server; `close` lets go of all of it, in order. */
export type Resources = ReturnType<typeof openResources>

/** Bulks in hand at a time; parked messages in hand at a time. */
const bulksMax = 4
const parkedMax = 50
/** Most changes told in one go. */
const changesMax = 500

/** Part of an attempt's deadline that one statement may take: Postgres ends what hangs, before we have to cut the connection. */
const statementPart = 0.8

export function openResources(options: WorkerOptions, root: Logger, collection: Collection) {
  const part = (component: string) => root.child({ component })
  const log = part('worker')
  const lost = (what: string) => (err: Error) => log.debug({ err }, `${what} is away`)
  const holder = newId()
  const registry = createRegistry('worker')
  const metrics = workerMetrics(registry, [collection.name], {
    parked: () => ledger.counts(),
    rejects: () => rejected.count(),
    audited: async () => (await createJobs(database).completedAt('audit'))?.getTime(),
  })

  const database = measured(
    createDatabase({
      dsn: options.POSTGRES_DSN,
      name: 'ordermill-worker',
      poolMax: options.DB_POOL_MAX,
      timeout_ms: Math.ceil(options.MESSAGE_TIMEOUT_MS * statementPart),
      onLost: lost('Postgres'),
    }),
    ['query', 'transaction'],
    (op, _outcome, seconds) => metrics.dbQuery.observe({ op }, seconds),
    statementOp,
  )
  const ledger = createLedger(database)
  const rejected = createRejectsView(database, collection)

  const client = connectCache({
    urls: options.REDIS_ADDR,
    timeout_ms: options.CACHE_TIMEOUT_MS,
    onError: lost('the cache'),
    onReady: () => log.debug('the cache is there'),
  })
  const { NAMESPACE: namespace, DIRTY_LIMIT: dirtyLimit } = options
  const cache = measured(
    createRecordCache({ client, collection: collection.name, namespace, dirtyLimit }),
    ['settle', 'park', 'markSent', 'marksOlderThan', 'readVersion'],
    (op, outcome, seconds) => metrics.cache.observe({ op, outcome }, seconds),
  )

  const topology = topologyOf([collection.name], { namespace, lengthMax: options.QUEUE_LENGTH_MAX })
  const [queues] = topology.collections
  if (queues === undefined) throw new Error('a topology without queues')
  const urls = options.RABBITMQ_URL
  const publisherOf = (use: string, window: number) =>
    createPublisher({
      urls,
      name: `ordermill-worker-${use}`,
      topology,
      window,
      timeout_ms: options.PUBLISH_TIMEOUT_MS,
      onLost: lost('the broker'),
    })
  const publisher = publisherOf('publish', options.PUBLISH_WINDOW)
  // On a connection of its own: a queue of somebody else that refuses must not pass for one of ours.
  const changes = options.CHANGES === 'on' ? publisherOf('changes', changesMax) : undefined
  const consumerOf = (queue: string, prefetch: number, batchMax: number) =>
    createConsumer({
      urls,
      name: `ordermill-worker-${queue}-${holder}`,
      topology,
      queue,
      prefetch,
      batchMax,
      batchWait_ms: options.BATCH_WAIT_MS,
      mayTake: (signal) => untilItAnswers(database, signal),
      onLost: (err) => log.warn({ err }, 'the broker is away'),
    })
  const consumers = {
    records: consumerOf(queues.persist, options.PREFETCH, options.BATCH_MAX),
    bulks: consumerOf(queues.bulk, bulksMax, 1),
    parked: consumerOf(queues.parked, parkedMax, parkedMax),
  }
  const engine = searchClientOf(options, Math.max(options.SEARCH_TIMEOUT_MS, 30_000))
  const definition = indexDefinition(collection, namespace, {
    shards: options.INDEX_SHARDS,
    replicas: options.INDEX_REPLICAS,
    refresh_ms: options.INDEX_REFRESH_MS,
  })

  return {
    collection,
    options,
    part,
    holder,
    registry,
    metrics,
    database,
    stored: createReader(database, collection),
    ...watchWrites(createTable(database, collection), options.BATCH_MAX),
    leases: createLeases(database, holder),
    ledger,
    cache,
    copies: createCleanCopies({ client, collection: collection.name, namespace }),
    dirty: createDirty({ client, collection: collection.name, namespace }),
    barriers: createBarriers({ client, collection: collection.name, namespace }),
    queues,
    exchange: topology.exchange,
    publisher,
    changes: changes && {
      publisher: changes,
      exchange: topology.changes,
      batch: Math.min(options.FOLLOW_BATCH, changesMax),
    },
    consumers,
    engine,
    definition,
    async close() {
      await Promise.all(Object.values(consumers).map((consumer) => consumer.close()))
      await Promise.all([publisher, changes].map((one) => one?.stop(1_000)))
      await engine?.close()
      client.disconnect()
      await database.stop()
    },
  }
}

/** Waits until Postgres answers: what has nowhere to go is better left in its queue. Never throws. */
async function untilItAnswers(database: Database, signal: AbortSignal): Promise<void> {
  const probe = () => database.query({ name: 'probe', text: 'SELECT 1' })
  await retryWhileUnavailable(probe, { signal, onRetry: () => undefined }).catch(() => undefined)
}
