import { createBarriers, createBulkLog, createDirty, createRecordCache } from '@ordermill/cache'
import {
  createJobs,
  createParkedView,
  createRejectsView,
  createSearchIndices,
  createReader as createStored,
  findKeyUse,
  readSearchable,
  textsAlias,
} from '@ordermill/database'
import { breakerStates, orders } from '@ordermill/model'
import { indexDefinition } from '@ordermill/search'
import { apiMetrics, createRegistry, type Logger, measured } from '@ordermill/telemetry'
import Fastify, { type FastifyInstance } from 'fastify'
import { createAcceptor } from './accepting.ts'
import { createAccounting } from './accounting.ts'
import { Admission } from './admission.ts'
import { createBulkWriter } from './bulk.ts'
import { connectionOptions } from './connections.ts'
import { createLag, lagsOf } from './lag.ts'
import { createMarker } from './marker.ts'
import type { ApiOptions, Surroundings } from './parts.ts'
import { cachePlugin } from './plugins/cache.ts'
import { compressionPlugin } from './plugins/compression.ts'
import { correlationIdOf, correlationPlugin } from './plugins/correlation.ts'
import { corsPlugin } from './plugins/cors.ts'
import { databasePlugin, refreshedPlugin } from './plugins/database.ts'
import { watchEpoch } from './plugins/epoch.ts'
import { jsonPlugin } from './plugins/json.ts'
import { leavingPlugin } from './plugins/leaving.ts'
import { listeningPlugin } from './plugins/listening.ts'
import { metricsPlugin } from './plugins/metrics.ts'
import { openapiPlugin } from './plugins/openapi.ts'
import { overloadPlugin } from './plugins/overload.ts'
import { pagesPlugin } from './plugins/pages.ts'
import { problemsPlugin, refuseEarly } from './plugins/problems.ts'
import { queuePlugin } from './plugins/queue.ts'
import { rateLimitPlugin } from './plugins/rate-limit.ts'
import { repliesPlugin } from './plugins/replies.ts'
import { requestMetricsPlugin } from './plugins/request-metrics.ts'
import { searchPlugin } from './plugins/search.ts'
import { uncachedPlugin } from './plugins/uncached.ts'
import { validationPlugin } from './plugins/validation.ts'
import { createReader } from './reader.ts'
import { createReceipts } from './receipts.ts'
import { adminRoutes } from './routes/admin.ts'
import { bulkRoutes } from './routes/bulk.ts'
import { countRoutes } from './routes/count.ts'
import { dashboardRoutes } from './routes/dashboard.ts'
import { filterRoutes } from './routes/filters.ts'
import { engineState, type HealthParts, healthRoutes } from './routes/health.ts'
import { listRoutes } from './routes/lists.ts'
import { queryRoutes } from './routes/query.ts'
import { receiptRoutes } from './routes/receipts.ts'
import { recordRoutes } from './routes/records.ts'
import { searchRoutes } from './routes/search.ts'
import { createSeal, sealKey } from './seal.ts'
import { createSearch, createSearchBreaker } from './searching.ts'
import { createWaiter } from './waiter.ts'
import { createWalk } from './walking.ts'
import { createWriter } from './writer.ts'

/** The API, and what whoever runs it has to know and to do. */
interface Built {
  app: FastifyInstance
  /** Listens, and gives the URL. @throws what the system says, EADDRINUSE among it */
  listen(at: { host: string; port: number }): Promise<string>
  /** Rejects if what stands on the broker does not fit. */
  brokerReady: Promise<void>
  /** Rejects if the cache would throw records away. */
  unfit: Promise<never>
  /** From now on it says that it is not ready, and every answer closes its connection: it goes on answering until it is closed. */
  leave(): void
}

/** The API, built but not listening. */
export async function buildApp(options: ApiOptions, root: Logger): Promise<Built> {
  const log = root.child({ component: 'api' })
  const admission = new Admission({
    requestsMax: options.REQUESTS_MAX,
    delayMax_ms: options.EVENT_LOOP_DELAY_MAX_MS,
    onRefusing: (now) => log.warn(now, 'more is asked than can be done: requests are refused'),
  })
  const app = Fastify({
    genReqId: correlationIdOf,
    requestIdHeader: false,
    bodyLimit: options.BODY_BYTES_MAX,
    trustProxy: options.TRUST_PROXY.length === 0 ? false : options.TRUST_PROXY,
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    frameworkErrors: refuseEarly,
    ...connectionOptions(options, admission),
  }) as unknown as FastifyInstance
  const registry = createRegistry('api')
  const breaker = createSearchBreaker()
  const metrics = apiMetrics(registry, [orders.name], {
    admission,
    searchLags: () => lagsOf(lags, searcher !== undefined),
    breaker: () => ({ state: breaker.state(), states: searcher === undefined ? [] : breakerStates }),
  })
  const surroundings: Surroundings = { app, options, log: root, registry, metrics }

  requestMetricsPlugin(app, metrics)
  problemsPlugin(app, log)
  validationPlugin(app)
  jsonPlugin(app)
  correlationPlugin(app)
  const leaving = leavingPlugin(app, admission)
  overloadPlugin(app, admission)
  const listen = listeningPlugin(app, log)
  await corsPlugin(surroundings)
  await compressionPlugin(surroundings)
  await openapiPlugin(app)

  // Released in the reverse order: the queue first, while the cache can still take its marks.
  const database = databasePlugin(surroundings)
  const searcher = searchPlugin(surroundings)
  const { client, durable, wasThere, unfit } = cachePlugin(surroundings)
  rateLimitPlugin(surroundings, client)
  await pagesPlugin(app)
  const { NAMESPACE: namespace, DIRTY_LIMIT: dirtyLimit } = options
  const cache = measured(
    createRecordCache({ client, collection: orders.name, namespace, dirtyLimit }),
    ['accept', 'read', 'readMany', 'fill', 'markSent', 'discard', 'checkEpoch'],
    (op, outcome, seconds) => metrics.cache.observe({ op, outcome }, seconds),
  )
  const dirty = createDirty({ client, collection: orders.name, namespace })
  watchEpoch(surroundings, cache)
  const barriers = createBarriers({ client, collection: orders.name, namespace })
  const marker = createMarker(cache, (err) => log.debug({ err }, 'marks were lost; the flusher finds them'))
  app.addHook('onClose', () => marker.flush())
  const { publisher, topology } = queuePlugin(surroundings)

  const replies = repliesPlugin(surroundings)

  const collection = orders
  const { exchange } = topology
  const stored = createStored(database, collection)
  const onAccepted = () => metrics.accepted.inc(collection.name)
  const acceptor = createAcceptor({ collection, cache, durable, publisher, exchange, marker, onAccepted })
  const findKey = (id: string, key: string) => findKeyUse(database, collection, id, key)
  const writer = createWriter({ collection, cache, stored, findKeyUse: findKey, acceptor })
  const reader = createReader({ collection, cache, stored, onRead: metrics.reads.inc })
  const definition = indexDefinition(collection, options.NAMESPACE)
  const alias = searcher === undefined ? textsAlias(collection) : definition.alias
  const searchable = (id: string) => readSearchable(database, collection, alias, id)
  const waiter = createWaiter({ replies, stored, searchable, refreshed: refreshedPlugin(surroundings), alias })
  const accepted = createBulkLog(client, `${options.NAMESPACE}${collection.name}`)
  const bulks = createBulkWriter({ collection, database, publisher, replies, accepted, exchange })
  const lags = {
    elasticsearch: createLag(database, collection.name, definition.alias),
    postgres: createLag(database, collection.name, textsAlias(collection)),
  }
  const search = createSearch({
    collection,
    database,
    searcher,
    lags,
    lagMax_s: options.SEARCH_LAG_MAX_S,
    timeout_ms: options.SEARCH_TIMEOUT_MS,
    slow_ms: options.SLOW_SEARCH_MS,
    breaker,
    metrics,
    log: root.child({ component: 'search' }),
  })
  const key = sealKey({
    secret: options.CURSOR_SECRET,
    token: options.ADMIN_TOKEN,
    onAlone: () => log.warn('CURSOR_SECRET is not set: cursors of searches are good for this process alone'),
  })
  const letGo = (snapshot: string) => void searcher?.close(snapshot)
  const walk = createWalk({ collection, search, seal: createSeal(key), letGo })

  metricsPlugin(surroundings)
  recordRoutes(app, { collection, writer, reader, waiter, replies, admission })
  listRoutes(app, { collection, database, cached: (id) => cache.read(id).catch(() => undefined) })
  receiptRoutes(app, { collection, receipts: createReceipts({ collection, cache, dirty, database, searcher }) })
  bulkRoutes(app, { collection, bulks, replies, admission })
  searchRoutes(app, { walk, reader })
  queryRoutes(app, { collection, walk, reader })
  countRoutes(app, { collection, search })
  filterRoutes(app, { collection, search })
  dashboardRoutes(app, { database })
  adminRoutes(app, {
    jobs: createJobs(database),
    parked: createParkedView(database),
    rejects: createRejectsView(database, collection),
    indices: createSearchIndices(database, definition.alias),
    definition: definition.digest,
    cache,
    dirty,
    accounting: createAccounting({ collection: collection.name, cache, database }),
    log,
    token: options.ADMIN_TOKEN,
  })
  // One that has just been started is sent nothing before it had the time to connect: without the broker it takes no bulks, and what it
  // takes without the cache begins a new epoch for all.
  const awaitedUntil = performance.now() + options.PUBLISH_TIMEOUT_MS
  let connected = false
  publisher.ready.then(
    () => {
      connected = true
    },
    () => undefined, // whoever runs the app listens
  )
  const health: HealthParts = {
    notReady() {
      if (leaving.left()) return 'stopping'
      const isAwaiting = performance.now() < awaitedUntil
      if (isAwaiting && !wasThere()) return 'the cache is awaited'
      const broker = publisher.state()
      if (broker === 'ready' || broker === 'busy') return undefined
      if (isAwaiting && !connected) return 'the broker is awaited'
      return durable() ? undefined : `the broker is ${broker}`
    },
    dependencies: [
      {
        name: 'redis',
        check: async () => ({ detail: (await barriers.behind()) === undefined ? await client.ping() : 'catching up' }),
      },
      {
        name: 'rabbitmq',
        async check() {
          const detail = publisher.state()
          return detail === 'away' ? Promise.reject(new Error('away')) : { detail }
        },
      },
      {
        name: 'postgres',
        check: () => database.query({ text: 'SELECT 1' }).then(() => ({ detail: 'answers' })),
      },
      ...(searcher === undefined
        ? []
        : [{ name: 'elasticsearch', check: async () => engineState(await searcher.health()), breaker: breaker.state }]),
    ],
  }
  app.register(async (probes) => {
    await uncachedPlugin(probes)
    healthRoutes(probes, health)
  })
  return { app, listen, brokerReady: publisher.ready, unfit, leave: leaving.leave }
}
