import { connectCache, createRecordCache } from '@ordermill/cache'
import { hashOf, orders, type Version } from '@ordermill/model'
import { createPublisher, recordMessage, topologyOf } from '@ordermill/queue'
import { addresses, floorNames } from '../stores.ts'
import { serveAccept } from './http.ts'
import type { Floor } from './index.ts'

/**
 * The least that anybody does who promises the same: the product's script on Redis and its confirmed publish to a quorum queue, and
 * no product around them. No defaults, no marks turned, no metrics, no correlation, no idempotency, no shedding, no errors told.
 */
export async function acceptFloor(): Promise<Floor> {
  const { REDIS_ADDR, RABBITMQ_URL } = addresses()
  const { namespace } = floorNames
  const client = connectCache({
    urls: REDIS_ADDR,
    timeout_ms: 5_000,
    onError: () => undefined,
    onReady: () => undefined,
  })
  const cache = createRecordCache({ client, collection: orders.name, namespace, dirtyLimit: 10_000_000 })
  const topology = topologyOf([orders.name], { namespace, lengthMax: 1_000_000 })
  const publisher = createPublisher({
    urls: RABBITMQ_URL,
    name: 'bench-floor',
    topology,
    window: 4_096,
    timeout_ms: 5_000,
    onLost: () => undefined,
  })
  await publisher.ready
  const envelope = { exchange: topology.exchange, collection: orders.name, type: orders.type }
  const accept = async (id: string, body: object) => {
    const now = new Date().toISOString()
    const text = JSON.stringify({ id, version: 1, status: 'placed', ...body, created_at: now, updated_at: now })
    const version: Version = { id, version: 1, hash: hashOf(text, null), parent: null, text, deleted: false, keys: [] }
    await cache.accept(version)
    await publisher.publish(recordMessage(version, envelope))
  }
  return serveAccept(accept, async () => {
    await publisher.stop(1_000)
    client.disconnect()
  })
}
