import { environment } from '@ordermill/config'
import { corner } from '@ordermill/servers/testing'
import { createDatabase, type Database } from './index.ts'

interface Teardown {
  teardown(handler: () => Promise<void> | void): void
}

/** A database of its own for one test file, and a pool on it that is closed in the teardown. */
export async function testDatabase(
  t: Teardown,
  { timeout_ms = 10_000, poolMax = 5 } = {},
): Promise<{ database: Database; dsn: string }> {
  const { env } = await corner(t, environment())
  const dsn = env['POSTGRES_DSN'] ?? ''
  const database = createDatabase({ dsn, name: 'test', poolMax, timeout_ms, onLost: () => undefined })
  t.teardown(() => database.stop())
  return { database, dsn }
}

/** A signal that never aborts. */
export const whenever = (): AbortSignal => new AbortController().signal
