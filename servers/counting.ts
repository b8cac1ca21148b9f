import { connect } from 'amqplib'
import { Redis } from 'ioredis'
import { Client } from 'pg'
import type { Corner } from './testing.ts'

/** What stands in the stores of a corner. */
export interface Counts {
  keys: number
  /** Keys that mark versions as not yet confirmed by the broker: while there are any, marks are still on their way. */
  unsent: number
  messages: Record<string, number>
  rows: Record<string, number>
}

/** Counts everything that a write can leave behind in a corner: keys of Redis, messages in queues, rows of Postgres. */
export async function counterOf(
  t: { teardown(handler: () => Promise<void> | void): void },
  { env, namespace }: Pick<Corner, 'env' | 'namespace'>,
): Promise<() => Promise<Counts>> {
  const address = env['REDIS_ADDR'] ?? ''
  const redis = new Redis(address.includes('://') ? address : `redis://${address}`)
  const broker = await connect(env['RABBITMQ_URL'] ?? '')
  const channel = await broker.createChannel()
  const database = new Client(env['POSTGRES_DSN'])
  await database.connect()
  t.teardown(async () => {
    redis.disconnect()
    await broker.close()
    await database.end()
  })
  return async () => {
    const messages: Record<string, number> = {}
    for (const queue of ['orders.persist', 'orders.bulk', 'orders.parked'])
      messages[queue] = (await channel.checkQueue(namespace + queue)).messageCount
    const tables = await database.query<{ name: string }>(
      "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = current_schema() AND table_type = 'BASE TABLE' ORDER BY 1",
    )
    const rows: Record<string, number> = {}
    for (const { name } of tables.rows)
      rows[name] = Number((await database.query(`SELECT count(*) AS n FROM "${name}"`)).rows[0]?.n)
    const all = await keysOf(redis, namespace)
    const keys = all.filter((key) => !key.endsWith(':asked')) // who only reads leaves those, for seconds
    return { keys: keys.length, unsent: keys.filter((key) => key.endsWith(':unsent')).length, messages, rows }
  }
}

async function keysOf(redis: Redis, namespace: string): Promise<string[]> {
  const found = new Set<string>()
  let cursor = '0'
  do {
    const [next, keys] = await redis.scan(cursor, 'MATCH', `*${namespace}*`, 'COUNT', 1_000)
    for (const key of keys) found.add(key)
    cursor = next
  } while (cursor !== '0')
  return [...found]
}
