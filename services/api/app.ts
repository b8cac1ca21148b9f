import { createRecordCache } from '@ordermill/cache'
import { createReader as createStored } from '@ordermill/database'
import { orders } from '@ordermill/model'
import { indexDefinition } from '@ordermill/search'
import { apiMetrics, createRegistry, type Logger } from '@ordermill/telemetry'
import Fastify, { type FastifyInstance } from 'fastify'
import { createLag } from './lag.ts'
import { createMarker } from './marker.ts'
import type { ApiOptions, Surroundings } from './parts.ts'
import { cachePlugin } from './plugins/cache.ts'
import { correlationIdOf, correlationPlugin } from './plugins/correlation.ts'
import { databasePlugin } from './plugins/database.ts'
import { jsonPlugin } from './plugins/json.ts'
import { metricsPlugin } from './plugins/metrics.ts'
import { openapiPlugin } from './plugins/openapi.ts'
import { problemsPlugin } from './plugins/problems.ts'
import { queuePlugin } from './plugins/queue.ts'
import { searchPlugin } from './plugins/search.ts'
import { validationPlugin } from './plugins/validation.ts'
import { createReader } from './reader.ts'
import { adminRoutes } from './routes/admin.ts'
import { dashboardRoutes } from './routes/dashboard.ts'
import { healthRoutes } from './routes/health.ts'
import { orderRoutes } from './routes/orders.ts'
import { searchRoutes } from './routes/search.ts'
import { createWriter } from './writer.ts'

/** The API, built but not listening. `brokerReady` rejects if what stands on the broker does not fit. */
export async function buildApp(
  options: ApiOptions,
  root: Logger,
): Promise<{ app: FastifyInstance; brokerReady: Promise<void> }> {
  const app = Fastify({
    genReqId: correlationIdOf,
    requestIdHeader: false,
    bodyLimit: options.BODY_BYTES_MAX,
    requestTimeout: 30_000,
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    routerOptions: { maxParamLength: 200 },
  }) as unknown as FastifyInstance
  const log = root.child({ component: 'api' })
  const registry = createRegistry('api')
  const metrics = apiMetrics(registry)
  const surroundings: Surroundings = { app, options, log: root, registry, metrics }

  problemsPlugin(app, log)
  validationPlugin(app)
  jsonPlugin(app)
  correlationPlugin(app)
  await openapiPlugin(app)

  // Released in the reverse order: the queue first, while the cache can still take its marks.
  const database = databasePlugin(surroundings)
  const searcher = searchPlugin(surroundings)
  const { client, durable } = cachePlugin(surroundings)
  const cache = createRecordCache({
    client,
    collection: orders.name,
    namespace: options.NAMESPACE,
    dirtyLimit: options.DIRTY_LIMIT,
  })
  const marker = createMarker(cache, (err) => log.debug({ err }, 'marks were lost; the flusher finds them'))
  app.addHook('onClose', () => marker.flush())
  const { publisher, topology } = queuePlugin(surroundings)

  const stored = createStored(database, orders)
  const writer = createWriter({
    collection: orders,
    cache,
    durable,
    stored,
    publisher,
    exchange: topology.exchange,
    marker,
    onAccepted: () => metrics.accepted.inc({ collection: orders.name }),
  })
  const reader = createReader({ collection: orders, cache, stored, onRead: (result) => metrics.reads.inc({ result }) })
  const lag = createLag(database, orders.name, indexDefinition(orders, options.NAMESPACE).alias)

  let closing = false
  app.addHook('preClose', () => {
    closing = true
  })
  metricsPlugin(surroundings)
  orderRoutes(app, { writer, reader })
  searchRoutes(app, { searcher, reader, lag, metrics })
  dashboardRoutes(app, { database })
  adminRoutes(app, { database, token: options.ADMIN_TOKEN })
  healthRoutes(app, {
    notReady() {
      if (closing) return 'stopping'
      const broker = publisher.state()
      return broker === 'ready' || broker === 'busy' || durable() ? undefined : `the broker is ${broker}`
    },
    dependencies: [
      { name: 'redis', check: async () => await client.ping() },
      {
        name: 'rabbitmq',
        check: async () => (publisher.state() === 'away' ? Promise.reject(new Error('away')) : publisher.state()),
      },
      {
        name: 'postgres',
        check: async () => ((await database.query({ text: 'SELECT 1' })).length === 1 ? 'answers' : 'odd'),
      },
      ...(searcher === undefined ? [] : [{ name: 'elasticsearch', check: () => searcher.health() }]),
    ],
  })
  return { app, brokerReady: publisher.ready }
}
