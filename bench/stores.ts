import { environment, readOptions } from '@ordermill/config'
import { removeIndices } from '@ordermill/servers'
import { connect } from 'amqplib'
import { Redis } from 'ioredis'
import pg from 'pg'

/** Names of what the floors and alternatives use: nothing of it is the product's. */
export const floorNames = {
  namespace: 'floor.',
  table: 'floor_orders',
  index: 'floor-orders',
  inserts: 'bench_inserts',
  unconfirmed: 'bench.unconfirmed',
} as const

/** The addresses that a process of the bench was given. */
export const addresses = () =>
  readOptions(environment(), ['POSTGRES_DSN', 'REDIS_ADDR', 'RABBITMQ_URL', 'ELASTICSEARCH_URL'])

/** What the floors and alternatives write to. */
const tables = `
CREATE TABLE IF NOT EXISTS ${floorNames.table} (LIKE orders INCLUDING DEFAULTS INCLUDING INDEXES);
DO $$ DECLARE name text; BEGIN -- what only the product knows how to fill may stay empty
  FOR name IN SELECT column_name FROM information_schema.columns
    WHERE table_name = '${floorNames.table}' AND is_nullable = 'NO' AND column_name <> 'id'
  LOOP EXECUTE format('ALTER TABLE ${floorNames.table} ALTER %I DROP NOT NULL', name); END LOOP;
END $$;
CREATE TABLE IF NOT EXISTS ${floorNames.inserts} (id uuid PRIMARY KEY, body jsonb NOT NULL, at timestamptz NOT NULL DEFAULT now());
`

/** The stores between measurements: looked at and emptied. All of them are the bench's own. */
export interface Stores {
  dsn: string
  redis: Redis
  /** Empties queues, tables and cache, and takes indices away; only while nobody writes. */
  clear(): Promise<void>
  /** Empties the cache; only while nobody writes. */
  forget(): Promise<void>
  /** Change numbers given out since the last clear, how far the search index has followed them, and how far all that follow have. */
  progress(): Promise<{ persisted: number; indexed: number; followed: number }>
  close(): Promise<void>
}

export async function openStores(env: Record<string, string>): Promise<Stores> {
  const { POSTGRES_DSN = '', REDIS_ADDR, RABBITMQ_URL, ELASTICSEARCH_URL } = env
  const pool = new pg.Pool({ connectionString: POSTGRES_DSN, max: 2 })
  pool.on('error', () => undefined)
  await pool.query(tables)
  const redis = new Redis(`redis://${REDIS_ADDR}`, { maxRetriesPerRequest: 1 })
  redis.on('error', () => undefined)
  return {
    dsn: POSTGRES_DSN,
    redis,
    async clear() {
      await Promise.all([
        purge(RABBITMQ_URL ?? ''),
        forget(redis),
        pool.query(
          `TRUNCATE orders, orders_history, orders_search, orders_texts, orders_words, search_cursors, search_rejects, ${floorNames.table}, ${floorNames.inserts} RESTART IDENTITY`,
        ),
        ELASTICSEARCH_URL === undefined ? undefined : removeIndices(ELASTICSEARCH_URL, '*orders*'),
      ])
    },
    forget: () => forget(redis),
    async progress() {
      const { rows } = await pool.query<{ persisted: string; indexed: string; followed: string }>({
        name: 'progress',
        text: `SELECT CASE WHEN is_called THEN last_value ELSE 0 END AS persisted,
          (SELECT coalesce(max(change_seq), 0) FROM search_cursors WHERE index_name LIKE 'orders-%') AS indexed,
          (SELECT coalesce(min(change_seq), 0) FROM search_cursors) AS followed FROM orders_change_seq`,
      })
      const { persisted = 0, indexed = 0, followed = 0 } = rows[0] ?? {}
      return { persisted: Number(persisted), indexed: Number(indexed), followed: Number(followed) }
    },
    async close() {
      redis.disconnect()
      await pool.end()
    },
  }
}

/** Forgets all records, one page of keys at a time. What the cache knows of itself (`…epoch`) stays: records alone are cleared. */
async function forget(redis: Redis): Promise<void> {
  for (let cursor = '0'; ; ) {
    const [next, keys] = await redis.scan(cursor, 'COUNT', 2_000)
    const records = keys.filter((key) => !key.includes('epoch'))
    if (records.length > 0) await redis.unlink(...records)
    if (next === '0') return
    cursor = next
  }
}

async function purge(url: string): Promise<void> {
  const connection = await connect(url)
  const names = ['', floorNames.namespace].flatMap((prefix) =>
    ['persist', 'parked', 'bulk'].map((use) => `${prefix}orders.${use}`),
  )
  try {
    for (const name of [...names, floorNames.unconfirmed]) {
      const channel = await connection.createChannel() // a queue that is not there closes it
      channel.on('error', () => undefined)
      await channel.purgeQueue(name).then(
        () => channel.close(),
        () => undefined,
      )
    }
  } finally {
    await connection.close()
  }
}
