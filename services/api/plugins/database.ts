import { createDatabase, type Database } from '@ordermill/database'
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
