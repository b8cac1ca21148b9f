import { connectCache, createRecordCache } from '@ordermill/cache'
import { type Chain, createDatabase, createTable } from '@ordermill/database'
import { orders, type Version } from '@ordermill/model'
import { createPublisher, recordMessage, topologyOf } from '@ordermill/queue'
import { orderBodies, pagesOf, versionsOf } from './orders.ts'

/** So many are on their way at once. */
const at_once = 1_000

interface Filling {
  env: Record<string, string>
  namespace: string
  count: number
  /** Whether they go through the cache first, as the API does it, so that settling finds their marks. */
  cached: boolean
  /** Whether they are bundled, as the API bundles what comes together; else each is a message of its own. */
  bundled: boolean
  signal: AbortSignal
}

/** Puts orders on the queue that a persister reads, by the packages that the API uses. */
export async function fillQueue({ env, namespace, count, cached, bundled, signal }: Filling): Promise<void> {
  const topology = topologyOf([orders.name], { namespace, lengthMax: 1_000_000 })
  const client = connectCache({
    urls: [`redis://${env['REDIS_ADDR']}`],
    timeout_ms: 10_000,
    onError: () => undefined,
    onReady: () => undefined,
  })
  const cache = createRecordCache({ client, collection: orders.name, namespace, dirtyLimit: 10_000_000 })
  const publisher = createPublisher({
    urls: [env['RABBITMQ_URL'] ?? ''],
    name: 'bench-fill',
    topology,
    window: at_once * 2,
    timeout_ms: 30_000,
    onLost: () => undefined,
  })
  const { exchange } = topology
  const publish = (version: Version) => {
    const message = recordMessage(version, { exchange, collection: orders.name, type: orders.type })
    return publisher.publish({ ...message, joins: bundled })
  }
  try {
    await publisher.ready
    while (!signal.aborted && (await client.ping().catch(() => '')) !== 'PONG')
      await new Promise((resolve) => setTimeout(resolve, 10))
    for (const some of pagesOf(versionsOf(orderBodies(), count), at_once)) {
      signal.throwIfAborted()
      if (cached) await Promise.all(some.map((version) => cache.accept(version)))
      await Promise.all(some.map(publish))
      if (cached) await cache.markSent(some)
    }
  } finally {
    await publisher.stop(1_000)
    client.disconnect()
  }
}

/** Puts orders straight into Postgres, as the persister would; gives their ids. */
export async function fillTable(dsn: string, count: number): Promise<string[]> {
  const database = createDatabase({ dsn, name: 'bench-fill', poolMax: 1, timeout_ms: 60_000, onLost: () => undefined })
  const table = createTable(database, orders)
  const ids: string[] = []
  try {
    for (const page of pagesOf(versionsOf(orderBodies(), count), at_once)) {
      const chains = page.map((version): Chain => [version])
      await table.apply(chains, AbortSignal.timeout(60_000))
      ids.push(...page.map(({ id }) => id))
    }
    return ids
  } finally {
    await database.stop()
  }
}
