import { connectCache, createRecordCache } from '@ordermill/cache'
import { orders, type Version } from '@ordermill/model'
import { createPublisher, recordMessage, topologyOf } from '@ordermill/queue'
import type { Pool } from 'pg'
import { orderBodies, versionsOf } from './orders.ts'

/** So many are on their way at once. */
const at_once = 1_000

interface Filling {
  env: Record<string, string>
  namespace: string
  count: number
  /** Whether they go through the cache first, as the API does it, so that settling finds their marks. */
  cached: boolean
}

/** Puts orders on the queue that a persister reads, by the packages that the API uses. */
export async function fillQueue({ env, namespace, count, cached }: Filling): Promise<void> {
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
  const publish = (version: Version) =>
    publisher.publish(recordMessage(version, { exchange, collection: orders.name, type: orders.type }))
  try {
    await publisher.ready
    while ((await client.ping().catch(() => '')) !== 'PONG') await new Promise((resolve) => setTimeout(resolve, 10))
    let page: Version[] = []
    const send = async () => {
      const some = page
      page = []
      if (cached) await Promise.all(some.map((version) => cache.accept(version)))
      await Promise.all(some.map(publish))
      if (cached) await cache.markSent(some)
    }
    for (const version of versionsOf(orderBodies(), count)) if (page.push(version) === at_once) await send()
    await send()
  } finally {
    await publisher.stop(1_000)
    client.disconnect()
  }
}

/** Puts orders straight into Postgres; gives their ids. */
export async function fillTable(pool: Pool, count: number): Promise<string[]> {
  const ids: string[] = []
  let page: Version[] = []
  const send = async () => {
    const rows = `[${page.map(({ hash, text }) => `{"hash":"${hash}",${text.slice(1)}`).join()}]`
    page = []
    // A null type of the table itself: columns that the text does not have stay null, but for the change number.
    await pool.query(
      `INSERT INTO orders SELECT (jsonb_populate_record(null::orders, r || jsonb_build_object('change_seq', nextval('orders_change_seq')))).*
        FROM jsonb_array_elements($1::jsonb) AS r`,
      [rows],
    )
  }
  for (const version of versionsOf(orderBodies(), count)) {
    ids.push(version.id)
    if (page.push(version) === at_once) await send()
  }
  if (page.length > 0) await send()
  return ids
}
