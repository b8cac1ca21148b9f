import { setTimeout as sleep } from 'node:timers/promises'
import { orders } from '@ordermill/model'
import { connect } from 'amqplib'
import { Cluster, Redis } from 'ioredis'
import pg from 'pg'
import { buckets, keysOf } from '../packages/cache/keys.ts'
import { searchKey } from '../packages/database/search-tables.ts'
import type { Cached, Document, ParkedRow, Refreshed, Stored } from './checks/evidence.ts'
import { parked, persisted, rowsAsDocuments, viewDifferences } from './checks/queries.ts'

/** What the servers hold, read past the product. */
export interface Stores {
  pool: pg.Pool
  /** The one Redis there is. @throws Error on a stage of clusters */
  redis: Redis
  /** Asks the broker's management; in a cluster the first node that answers. */
  management(method: string, path: string, body?: unknown): Promise<unknown>
  /** Messages that are ready in these queues, now; in all of the collection if absent. */
  queued(): Promise<number>
  /** Messages ready or unacknowledged, a few seconds late. */
  queuedLate(): Promise<number>
  dirty(): Promise<{ unsent: number; sent: number; parked: number }>
  /** Whether an epoch of the cache waits for its barrier. */
  isBehind(): Promise<boolean>
  /** Changes that followers have not followed yet. */
  behind(): Promise<number>
  lastChange(): Promise<number>
  /** All versions of records that changed after this change. */
  persisted(after: number): Promise<Stored[]>
  /** How many rows have not changed since. */
  untouched(upTo: number): Promise<number>
  /** The last row of the ledger. */
  lastParked(): Promise<number>
  parked(after: number): Promise<ParkedRow[]>
  rows(): Promise<Document[]>
  documents(): Promise<Document[]>
  cached(): Promise<Cached[]>
  accounted(): Promise<{ persisted: number; stored: number }>
  refreshes(): Promise<Refreshed[]>
  viewDifferences(): Promise<number>
  close(): Promise<void>
}

const keys = keysOf('', orders.name)
const queueNames = ['orders.persist', 'orders.bulk', 'orders.parked']
const everyBucket = Array.from({ length: buckets }, (_, bucket) => bucket)

export async function openStores(env: Record<string, string>): Promise<Stores> {
  const { POSTGRES_DSN, REDIS_ADDR = '', RABBITMQ_URL = '', RABBITMQ_MANAGEMENT_URL = '', ELASTICSEARCH_URL } = env
  const pool = new pg.Pool({ connectionString: POSTGRES_DSN, max: 3 })
  pool.on('error', () => undefined)
  const redis = redisAt(REDIS_ADDR.split(','))
  const count = async (text: string, values: unknown[] = []) =>
    Number((await pool.query<{ n: string }>(text, values)).rows[0]?.n ?? 0)
  const cards = async (key: (bucket: number) => string) => {
    const sizes = await Promise.all(everyBucket.map((bucket) => redis.zcard(key(bucket))))
    return sizes.reduce((sum, size) => sum + size, 0)
  }
  const managements = RABBITMQ_MANAGEMENT_URL.split(',').map(managementAt)
  const management: Stores['management'] = (...call) => firstOf(managements, (ask) => ask(...call))
  const engine = (path: string, body?: unknown) => askEngine(ELASTICSEARCH_URL ?? '', path, body)
  return {
    pool,
    get redis() {
      if (redis instanceof Cluster) throw new Error('Redis is a cluster on this stage')
      return redis
    },
    management,
    async queued() {
      const connection = await firstOf(RABBITMQ_URL.split(','), (url) => connect(url, { timeout: 3_000 }))
      connection.on('error', () => undefined)
      try {
        const channel = await connection.createChannel()
        channel.on('error', () => undefined)
        const found = await Promise.all(queueNames.map((name) => channel.checkQueue(name)))
        return found.reduce((sum, { messageCount }) => sum + messageCount, 0)
      } finally {
        const closed = connection.close().catch(() => undefined) // what it failed with was thrown already
        await Promise.race([closed, sleep(1_000, undefined, { ref: false })]) // one that is lost meanwhile is never answered
      }
    },
    async queuedLate() {
      const found = await Promise.all(queueNames.map((name) => management('GET', `/queues/%2F/${name}`)))
      return (found as { messages?: number }[]).reduce((sum, { messages = Number.NaN }) => sum + messages, 0)
    },
    async dirty() {
      const [unsent, sent, set] = await Promise.all([cards(keys.unsent), cards(keys.sent), cards(keys.parked)])
      return { unsent, sent, parked: set }
    },
    async isBehind() {
      const states = await Promise.all(everyBucket.map((bucket) => redis.get(keys.epoch(bucket))))
      return states.some((state) => state?.split(' ')[2] !== 'caught-up')
    },
    async behind() {
      const settings = (await engine('/orders/_settings?flat_settings=true')) as Record<
        string,
        { settings: Record<string, string> }
      >
      const uuid = Object.values(settings)[0]?.settings['index.uuid'] ?? ''
      return await count(
        `SELECT coalesce(sum(greatest(0, last - coalesce(c.change_seq, 0))), 0) AS n FROM unnest($1::text[]) AS u(uuid)
         LEFT JOIN search_cursors c ON c.index_uuid = u.uuid, (SELECT coalesce(max(change_seq), 0) AS last FROM orders) AS l`,
        [[uuid, '(changes)orders', searchKey(orders)]],
      )
    },
    lastChange: () => count('SELECT coalesce(max(change_seq), 0) AS n FROM orders'),
    persisted: (after) => persisted(pool, after),
    untouched: (upTo) => count('SELECT count(*) AS n FROM orders WHERE change_seq <= $1', [upTo]),
    lastParked: () => count('SELECT coalesce(max(n), 0) AS n FROM parked'),
    parked: (after) => parked(pool, after),
    rows: () => rowsAsDocuments(pool),
    documents: () => documentsOf(engine),
    cached: () => cachedIn(redis),
    accounted: async () => ({
      persisted: await count('SELECT coalesce(sum(persisted), 0) AS n FROM accounting'),
      stored: await count('SELECT (SELECT count(*) FROM orders) + (SELECT count(*) FROM orders_history) AS n'),
    }),
    async refreshes() {
      const { rows } = await pool.query<{ as_of: Date; duration_ms: number; outcome: string }>(
        'SELECT as_of, duration_ms, outcome FROM view_refreshes ORDER BY as_of, id',
      )
      return rows.map(({ as_of, ...rest }) => ({ ...rest, as_of_ms: as_of.getTime() }))
    },
    viewDifferences: () => viewDifferences(pool),
    async close() {
      redis.disconnect()
      await pool.end()
    },
  }
}

function managementAt(address: string): Stores['management'] {
  const { origin, username, password } = new URL(address)
  const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
  return async (method, path, body) => {
    const answer = await fetch(`${origin}/api${path}`, {
      method,
      headers: { authorization, connection: 'close', 'content-type': 'application/json' },
      body: body === undefined ? null : JSON.stringify(body),
      signal: AbortSignal.timeout(10_000),
    })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`management answers ${answer.status}: ${text.slice(0, 200)}`)
    return text === '' ? undefined : (JSON.parse(text) as unknown)
  }
}

async function askEngine(url: string, path: string, body?: unknown): Promise<unknown> {
  const answer = await fetch(`${url}${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { 'content-type': 'application/json' },
    body: body === undefined ? null : JSON.stringify(body),
    signal: AbortSignal.timeout(20_000),
  })
  if (!answer.ok) throw new Error(`Elasticsearch answers ${answer.status} to ${path}`)
  return await answer.json()
}

const page = 5_000

/** All documents behind the alias, deleted ones too. */
async function documentsOf(engine: (path: string, body?: unknown) => Promise<unknown>): Promise<Document[]> {
  await engine('/orders/_refresh')
  const found: Document[] = []
  for (let after: unknown[] | undefined; ; ) {
    const query = {
      size: page,
      version: true,
      sort: [{ id: 'asc' }],
      ...(after === undefined ? {} : { search_after: after }),
    }
    const { hits } = (await engine('/orders/_search', query)) as {
      hits: { hits: { _id: string; _version: number; _source: Record<string, unknown>; sort: unknown[] }[] }
    }
    for (const { _id, _version, _source } of hits.hits) found.push({ id: _id, change_seq: _version, record: _source })
    after = hits.hits.at(-1)?.sort
    if (hits.hits.length < page) return found
  }
}

/** Several addresses are those of a cluster. */
function redisAt(addresses: string[]): Redis | Cluster {
  const redisOptions = { maxRetriesPerRequest: 1, retryStrategy: () => 200 }
  const urls = addresses.map((address) => `redis://${address}`)
  const redis =
    urls.length === 1
      ? new Redis(urls[0] ?? '', redisOptions)
      : new Cluster(urls, { redisOptions: { maxRetriesPerRequest: 1 }, slotsRefreshInterval: 1_000 })
  redis.on('error', () => undefined)
  return redis
}

const mastersOf = (redis: Redis | Cluster): Redis[] => (redis instanceof Cluster ? redis.nodes('master') : [redis])

/** What the first of these gives that does not fail. @throws whatever the last one threw */
async function firstOf<A, T>(all: A[], ask: (one: A) => Promise<T>): Promise<T> {
  let failure: unknown
  for (const one of all)
    try {
      return await ask(one)
    } catch (thrown) {
      failure = thrown
    }
  throw failure
}

/** All cached records, with whether they leave by themselves and whether their epoch is in force. */
async function cachedIn(redis: Redis | Cluster): Promise<Cached[]> {
  const epochs = new Map<string, string>()
  for (const bucket of everyBucket) {
    const state = await redis.get(keys.epoch(bucket))
    epochs.set(`{${bucket}}`, state?.split(' ')[1] ?? '')
  }
  const found = await Promise.all(mastersOf(redis).map((node) => cachedAt(node, epochs)))
  return found.flat()
}

async function cachedAt(node: Redis, epochs: Map<string, string>): Promise<Cached[]> {
  const found: Cached[] = []
  for (let cursor = '0'; ; ) {
    const [next, names] = await node.scan(cursor, 'MATCH', '{*}:orders:*-*', 'COUNT', 2_000)
    const records = names.filter((name) => /:orders:[0-9a-f-]{36}(:\d+)?$/.test(name))
    const [values, ttls] = await Promise.all([
      Promise.all(records.map((name) => node.get(name))),
      Promise.all(records.map((name) => node.pttl(name))),
    ])
    for (const [at, name] of records.entries()) {
      const [version, hash = '', epoch] = values[at]?.split(' ', 3) ?? []
      if (version === undefined) continue
      found.push({
        id: name.slice(name.lastIndexOf('orders:') + 'orders:'.length),
        version: Number(version),
        hash,
        expires: (ttls[at] ?? -1) >= 0,
        in_force: epochs.get(name.slice(0, name.indexOf('}') + 1)) === epoch,
      })
    }
    if (next === '0') return found
    cursor = next
  }
}
