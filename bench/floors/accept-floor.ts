import { connectCache, createRecordCache } from '@ordermill/cache'
import { hashOf, orders, type Version } from '@ordermill/model'
import { createPublisher, recordMessage, topologyOf } from '@ordermill/queue'
import { connect } from 'amqplib'
import { Redis } from 'ioredis'
import { encodeEntry } from '../../packages/cache/entry.ts'
import { bucketOf, keysOf } from '../../packages/cache/keys.ts'
import { accept as acceptScript } from '../../packages/cache/scripts.ts'
import { addresses, floorNames } from '../stores.ts'
import { type Accept, serveAccept } from './http.ts'
import type { Floor } from './index.ts'

const { namespace } = floorNames
const dirtyLimit = 10_000_000
const topology = topologyOf([orders.name], { namespace, lengthMax: 1_000_000 })
const envelope = { exchange: topology.exchange, collection: orders.name, type: orders.type }

/** The first version of a checked body: no defaults. */
function versionOf(id: string, body: object): Version {
  const now = new Date().toISOString()
  const text = JSON.stringify({ id, version: 1, status: 'placed', ...body, created_at: now, updated_at: now })
  return { id, version: 1, hash: hashOf(text, null), parent: null, text, deleted: false, keys: [] }
}

/** The product's own cache and publisher, connected. */
async function openCore() {
  const { REDIS_ADDR, RABBITMQ_URL } = addresses()
  const client = connectCache({
    urls: REDIS_ADDR,
    timeout_ms: 5_000,
    onError: () => undefined,
    onReady: () => undefined,
  })
  const cache = createRecordCache({ client, collection: orders.name, namespace, dirtyLimit })
  const publisher = createPublisher({
    urls: RABBITMQ_URL,
    name: 'bench-floor',
    topology,
    window: 4_096,
    timeout_ms: 5_000,
    onLost: () => undefined,
  })
  await publisher.ready // by then the exchange and its queues are declared
  const close = async () => {
    await publisher.stop(1_000)
    client.disconnect()
  }
  return { cache, publisher, close }
}

/**
 * The least that anybody does who promises the same, by the clients as they come: the product's script on Redis, once for each order, and
 * its message published to a quorum queue with a confirm. No defaults, no marks turned, no metrics, no correlation, no idempotency, no
 * shedding, no errors told.
 */
export async function acceptFloor(): Promise<Floor> {
  const core = await openCore()
  const epoch = await core.cache.checkEpoch()
  await core.close()
  const { REDIS_ADDR, RABBITMQ_URL } = addresses()
  const redis = new Redis(REDIS_ADDR[0] ?? '')
  redis.defineCommand('accept', { lua: acceptScript })
  const run = redis as unknown as { accept(...args: (string | number)[]): Promise<unknown[]> }
  const connection = await connect(RABBITMQ_URL[0] ?? '')
  const channel = await connection.createConfirmChannel()
  const keys = keysOf(namespace, orders.name)
  const accept: Accept = async (id, body) => {
    const version = versionOf(id, body)
    const bucket = bucketOf(id)
    const named = [keys.record(id), keys.unsent(bucket), keys.sent(bucket), keys.counters(bucket), keys.epoch(bucket)]
    const args = [id, version.version, 0, '', encodeEntry(version, epoch), epoch]
    const [outcome] = await run.accept(named.length, ...named, dirtyLimit, ...args)
    if (outcome !== 'accepted') throw new Error(`not accepted: ${outcome}`)
    const { exchange, routingKey, body: content, properties } = recordMessage(version, envelope)
    await new Promise<void>((resolve, reject) => {
      const confirmed = (error: unknown) => (error == null ? resolve() : reject(error))
      channel.publish(exchange, routingKey, content, { ...properties, persistent: true, mandatory: true }, confirmed)
    })
  }
  return serveAccept(accept, async () => {
    redis.disconnect()
    await connection.close()
  })
}

/** The same by the product's cache and publisher, with nothing around them. */
export async function acceptCore(): Promise<Floor> {
  const { cache, publisher, close } = await openCore()
  const accept: Accept = async (id, body) => {
    const version = versionOf(id, body)
    await cache.accept(version)
    await publisher.publish(recordMessage(version, envelope))
  }
  return serveAccept(accept, close)
}
