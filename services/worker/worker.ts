import { connectCache, createRecordCache } from '@ordermill/cache'
import {
  createCursors,
  createDatabase,
  createJobQueue,
  createJobs,
  createLeases,
  createLedger,
  createParkedView,
  createReader,
  createTable,
  createTextIndex,
  dailySales,
  refreshView,
} from '@ordermill/database'
import { type Collection, newId, orders, toError, type Version } from '@ordermill/model'
import { createConsumer, createPublisher, type Delivery, replyTo, topologyOf } from '@ordermill/queue'
import { createIndexWriter, createSearchClient, indexDefinition } from '@ordermill/search'
import { createRegistry, type Logger, measured, statementOp, workerMetrics } from '@ordermill/telemetry'
import { runBulks } from './bulk.ts'
import { runDrainer } from './drainer.ts'
import { createDryRun } from './dry-run.ts'
import { runFlusher } from './flusher.ts'
import { createFollower } from './follower.ts'
import { serveWorker } from './http.ts'
import { type JobHandler, runJobs } from './jobs.ts'
import type { WorkerOptions } from './options.ts'
import { createParking } from './parking.ts'
import { runPersister } from './persister.ts'
import { createReplay, replayKnown } from './replay.ts'
import { GivenUp, retryWhileUnavailable } from './retry.ts'
import { createScheduler } from './scheduler.ts'

export interface Worker {
  /** Where health and metrics are served. */
  address: string
  /** Rejects when something happened that only a person can mend. */
  failed: Promise<never>
  /** Finishes the batch in hand and leaves the rest to the queue; after `SHUTDOWN_MS` what is in hand goes back too. */
  stop(): Promise<void>
}

/** Postgres has to persist first: of what keeps its texts it takes this part of the time, and tells how far they are behind. */
const textsShare = 0.2

/** Starts the worker for one collection: persister, follower, scheduler and flusher. */
export async function startWorker(
  options: WorkerOptions,
  root: Logger,
  collection: Collection = orders,
): Promise<Worker> {
  const part = (component: string) => root.child({ component })
  const log = part('worker')
  const registry = createRegistry('worker')
  const metrics = workerMetrics(registry, [collection.name], () => ledger.counts())
  const holder = newId()
  const lost = (what: string) => (err: Error) => log.debug({ err }, `${what} is away`)

  const database = measured(
    createDatabase({
      dsn: options.POSTGRES_DSN,
      name: 'ordermill-worker',
      poolMax: options.DB_POOL_MAX,
      timeout_ms: options.MESSAGE_TIMEOUT_MS,
      onLost: lost('Postgres'),
    }),
    ['query', 'transaction'],
    (op, _outcome, seconds) => metrics.dbQuery.observe({ op }, seconds),
    statementOp,
  )
  const client = connectCache({
    urls: options.REDIS_ADDR,
    timeout_ms: options.CACHE_TIMEOUT_MS,
    onError: lost('the cache'),
    onReady: () => log.debug('the cache is there'),
  })
  const { NAMESPACE: namespace } = options
  const cache = measured(
    createRecordCache({ client, collection: collection.name, namespace, dirtyLimit: options.DIRTY_LIMIT }),
    ['settle', 'park', 'markSent', 'marksOlderThan', 'readVersion'],
    (op, outcome, seconds) => metrics.cache.observe({ op, outcome }, seconds),
  )
  const topology = topologyOf([collection.name], { namespace, lengthMax: options.QUEUE_LENGTH_MAX })
  const [queues] = topology.collections
  if (queues === undefined) throw new Error('a topology without queues')
  const urls = options.RABBITMQ_URL
  const publisher = createPublisher({
    urls,
    name: 'ordermill-worker-publish',
    topology,
    window: options.PUBLISH_WINDOW,
    timeout_ms: options.PUBLISH_TIMEOUT_MS,
    onLost: lost('the broker'),
  })
  const consumerOf = (queue: string, prefetch: number, batchMax: number) =>
    createConsumer({
      urls,
      name: `ordermill-worker-${queue}-${holder}`,
      topology,
      queue,
      prefetch,
      batchMax,
      batchWait_ms: options.BATCH_WAIT_MS,
      onLost: (err) => log.warn({ err }, 'the broker is away'),
    })
  const consumer = consumerOf(queues.persist, options.PREFETCH, options.BATCH_MAX)
  const bulkConsumer = consumerOf(queues.bulk, 4, 1)
  const parkedConsumer = consumerOf(queues.parked, 50, 50)
  const answer = (delivery: Delivery, outcome: string) => {
    const reply = replyTo(delivery.properties, outcome)
    if (reply !== undefined) publisher.publish(reply).catch(() => undefined) // who waits asks Postgres at last
  }

  const stored = createReader(database, collection)
  const leases = createLeases(database, holder)
  const ending = new AbortController() // the loops end
  const giveUp = new AbortController() // what is in hand goes back

  const engine =
    options.ELASTICSEARCH_URL.length === 0
      ? undefined
      : createSearchClient({ urls: options.ELASTICSEARCH_URL, timeout_ms: Math.max(options.SEARCH_TIMEOUT_MS, 30_000) })
  const follower =
    engine === undefined
      ? undefined
      : createFollower({
          collection,
          stored,
          cursors: createCursors(database),
          leases,
          writer: createIndexWriter(engine, indexDefinition(collection, namespace)),
          batch: options.FOLLOW_BATCH,
          every_ms: options.FOLLOW_EVERY_MS,
          log: part('follower'),
          metrics,
        })
  const texts = createFollower({
    collection,
    stored,
    cursors: createCursors(database),
    leases,
    lease: `texts:${collection.name}`,
    share: textsShare,
    writer: createTextIndex(database, collection),
    batch: options.FOLLOW_BATCH,
    every_ms: options.FOLLOW_EVERY_MS,
    log: part('texts'),
    metrics: undefined,
  })
  if (follower === undefined) log.warn('no search engine is configured: nothing is indexed')

  const table = createTable(database, collection)
  const ledger = createLedger(database)
  const parkingFrom = (from: string) =>
    createParking({
      publisher,
      queue: queues.parked,
      from,
      log: part('parking'),
      onParked: (reason) => metrics.parked.inc({ reason }),
    })
  const wakeFollower = () => {
    follower?.wake()
    texts.wake()
  }
  const shared = {
    collection,
    table,
    answer,
    wakeFollower,
    metrics,
    deadline_ms: options.MESSAGE_TIMEOUT_MS,
    stop: giveUp.signal,
  }
  const settle = (versions: Version[]) =>
    cache.settle(versions).then(
      () => undefined,
      (err: unknown) => log.debug({ err }, 'not settled; the flusher finds it'),
    )
  const persisting = runPersister({
    ...shared,
    parking: parkingFrom(queues.name),
    consumer,
    settle,
    log: part('persister'),
  })
  const bulking = runBulks({
    ...shared,
    parking: parkingFrom(`${queues.name}.bulk`),
    consumer: bulkConsumer,
    database,
    failProduct: options.SIMULATE_FAILURE_PRODUCT,
    log: part('bulk'),
  })
  const draining = runDrainer({
    collection,
    consumer: parkedConsumer,
    ledger,
    cache,
    log: part('drainer'),
    stop: giveUp.signal,
  })
  const refresh: JobHandler = async () => {
    const { outcome, as_of, duration_ms } = await refreshView(database, dailySales, { force: true })
    return { view: dailySales.name, outcome, as_of, duration_ms }
  }
  const { exchange } = topology
  const replay = createReplay({ ledger, publisher, exchange, log: part('replay') })
  const handlers = {
    refresh,
    replay,
    'replay-group': replay,
    'dry-run': createDryRun({ collection, ledger, table, deadline_ms: options.MESSAGE_TIMEOUT_MS }),
  }
  const jobbing = runJobs({ queue: createJobQueue(database), holder, handlers, log: part('jobs') }, ending.signal)
  const asking = retryWhileUnavailable(
    () => replayKnown(collection.type, { jobs: createJobs(database), parked: createParkedView(database) }),
    { signal: ending.signal, onRetry: () => undefined },
  ).catch((thrown: unknown) => {
    if (!(thrown instanceof GivenUp)) throw thrown
  })
  const following = Promise.all([follower?.run(ending.signal), texts.run(ending.signal)])
  const flushing = runFlusher(
    {
      collection,
      cache,
      stored,
      leases,
      publisher,
      exchange,
      after_ms: options.FLUSH_AFTER_MS,
      log: part('flusher'),
      metrics,
    },
    ending.signal,
  )
  const scheduler = createScheduler({
    database,
    views: collection === orders ? [dailySales] : [],
    schedule: options.MV_REFRESH_SCHEDULE,
    log: part('scheduler'),
    metrics,
  })
  scheduler.start()

  const running = [persisting, bulking, draining, jobbing, asking, following, flushing]
  let stopping: Promise<void> | undefined
  const served = await serveWorker({
    host: options.WORKER_HOST,
    port: options.WORKER_PORT,
    registry,
    dependencies: () => ({ rabbitmq: consumer.connected() ? 'ok' : 'away', publisher: publisher.state() }),
    async notReady() {
      if (stopping !== undefined) return 'stopping'
      if (!consumer.connected()) return 'the broker is away'
      return await database.query({ text: 'SELECT 1' }).then(
        () => undefined,
        () => 'Postgres is away',
      )
    },
  })

  const stop = async () => {
    const patience = setTimeout(() => giveUp.abort(), options.SHUTDOWN_MS)
    consumer.stop()
    bulkConsumer.stop()
    parkedConsumer.stop()
    ending.abort()
    wakeFollower()
    const done = await Promise.allSettled([...running, scheduler.stop()])
    clearTimeout(patience)
    for (const { reason } of done.filter((one) => one.status === 'rejected'))
      log.error({ err: toError(reason) }, 'ended badly')
    await Promise.all([consumer.close(), bulkConsumer.close(), parkedConsumer.close()])
    await publisher.stop(1_000)
    await engine?.close()
    client.disconnect()
    await database.stop()
    await served.close()
  }
  const failed = new Promise<never>((_, reject) => {
    for (const part of [consumer.ready, bulkConsumer.ready, parkedConsumer.ready, publisher.ready, ...running])
      part?.catch(reject)
  })
  failed.catch(() => undefined)
  return { address: served.address, failed, stop: () => (stopping ??= stop()) }
}
