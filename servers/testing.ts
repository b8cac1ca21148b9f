import { randomBytes } from 'node:crypto'
import { migrate } from '@ordermill/database/migrate'
import { connect } from 'amqplib'
import { Redis } from 'ioredis'
import { Client } from 'pg'
import { removeIndices, removeKeys } from './clear.ts'
import type { Env } from './programs.ts'

export { removeKeys }

/** A corner of the test servers that nobody else uses. */
export interface Corner {
  /** Environment for services: addresses, an own database with the schema, an own namespace for everything else. */
  env: Record<string, string>
  namespace: string
  /** Takes everything away again. */
  remove(): Promise<void>
}

/** What of a test is needed to clean up after it. */
interface Teardown {
  teardown(handler: () => Promise<void> | void): void
}

/**
 * Makes a corner for one test file on the servers that `env` names (those of `npm test`), and takes it away in the teardown.
 * @param collections Those whose queues there will be.
 * @throws Error if `env` names no servers
 */
export async function corner(t: Teardown, env: Env, collections = ['orders']): Promise<Corner> {
  const { POSTGRES_DSN, REDIS_ADDR, RABBITMQ_URL, ELASTICSEARCH_URL = '' } = env
  if (POSTGRES_DSN === undefined || REDIS_ADDR === undefined || RABBITMQ_URL === undefined)
    throw new Error("no servers to test on: run tests with 'npm test'")
  const name = newName()
  const dsn = await createDatabase(POSTGRES_DSN, name)
  await migrate(dsn, 'up')
  const namespace = `${name}.`
  const made: Corner = {
    namespace,
    env: {
      NODE_ENV: 'test',
      LOG_LEVEL: 'silent',
      POSTGRES_DSN: dsn,
      REDIS_ADDR,
      RABBITMQ_URL,
      ELASTICSEARCH_URL,
      NAMESPACE: namespace,
      SNAPSHOT_REPOSITORY: '',
      CACHE_TIMEOUT_MS: '5000', // files run side by side: a second may pass before an answer that is there is read
      API_PORT: '0',
      WORKER_PORT: '0',
    },
    async remove() {
      await Promise.all([
        onPostgres(POSTGRES_DSN, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
        removeQueues(RABBITMQ_URL, namespace, collections),
        removeKeys(REDIS_ADDR, `{*}:${namespace}*`),
        ELASTICSEARCH_URL === '' ? undefined : removeIndices(ELASTICSEARCH_URL, `${namespace}*`),
      ])
    },
  }
  t.teardown(() => made.remove())
  return made
}

/**
 * Makes an empty database on the Postgres that `env` names, gives its DSN, and drops it in the teardown.
 * @throws Error if `env` names no Postgres
 */
export async function emptyDatabase(t: Teardown, { POSTGRES_DSN }: Env): Promise<string> {
  if (POSTGRES_DSN === undefined) throw new Error("no Postgres to test on: run tests with 'npm test'")
  const name = newName()
  const dsn = await createDatabase(POSTGRES_DSN, name)
  t.teardown(() => onPostgres(POSTGRES_DSN, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`))
  return dsn
}

const newName = () => `t${randomBytes(5).toString('hex')}`

async function createDatabase(server: string, name: string): Promise<string> {
  await onPostgres(server, `CREATE DATABASE ${name}`)
  const dsn = new URL(server)
  dsn.pathname = `/${name}`
  return dsn.href
}

/** Waits until `check` gives something other than undefined and false; tries every 20 ms. @throws Error after `deadline_ms` */
export async function until<T>(
  what: string,
  check: () => Promise<T | undefined | false> | T | undefined | false,
  deadline_ms = 15_000,
): Promise<T> {
  const end = performance.now() + deadline_ms
  for (;;) {
    const found = await check()
    if (found !== undefined && found !== false) return found
    if (performance.now() > end) throw new Error(`not within ${deadline_ms} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

async function onPostgres(dsn: string, sql: string): Promise<void> {
  const client = new Client(dsn)
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}

async function removeQueues(url: string, namespace: string, collections: string[]): Promise<void> {
  const connection = await connect(url)
  const channel = await connection.createChannel()
  for (const name of collections)
    for (const use of ['persist', 'parked', 'bulk']) await channel.deleteQueue(`${namespace}${name}.${use}`)
  for (const use of ['records', 'changes']) await channel.deleteExchange(`${namespace}ordermill.${use}`)
  await connection.close()
}

/** A client of this Redis, to look into it or to set it up; disconnected in the teardown. */
export function redisAt(t: Teardown, address = ''): Redis {
  const client = new Redis(address.includes('://') ? address : `redis://${address}`)
  t.teardown(() => client.disconnect())
  return client
}
