import { createDatabase, createListener, type Database, type Listener, refreshedChannel } from '@ordermill/database'
import { measured, statementOp } from '@ordermill/telemetry'
import type { Surroundings } from '../parts.ts'

/** Acquires the pool of connections to Postgres; released when the app closes. */
export function databasePlugin({ app, options, metrics, log: root }: Surroundings): Database {
  const log = root.child({ component: 'database' })
  const database = createDatabase({
    dsn: options.POSTGRES_DSN,
    name: 'ordermill-api',
    poolMax: options.DB_POOL_MAX,
    timeout_ms: options.DB_TIMEOUT_MS,
    onLost: (error) => log.warn({ err: error }, 'a connection to Postgres was lost'),
  })
  app.addHook('onClose', () => database.stop())
  return measured(
    database,
    ['query', 'transaction'],
    (op, _outcome, seconds) => metrics.dbQuery.observe({ op }, seconds),
    statementOp,
  )
}

/** Acquires the connection on which followers tell how far searches go; released when the app closes. */
export function refreshedPlugin({ app, options, log: root }: Surroundings): Listener {
  const log = root.child({ component: 'refreshed' })
  const listener = createListener({
    dsn: options.POSTGRES_DSN,
    name: 'ordermill-api-listen',
    channel: refreshedChannel,
    onLost: (err) => log.debug({ err }, 'what followers tell is lost; Postgres is asked instead'),
  })
  app.addHook('onClose', () => listener.stop())
  return listener
}
