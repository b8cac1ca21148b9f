import { readdir } from 'node:fs/promises'
import { runner } from 'node-pg-migrate'

/** Where the numbered migrations are. */
export const migrationsDir = new URL('./migrations/', import.meta.url).pathname
export const migrationsTable = 'migrations'

/**
 * Runs migrations; waits while another process does. Gives the names of those it ran.
 * @param count How many; all by default for `up`, one for `down`.
 * @param dir The folder they are in, with a slash at its end.
 */
export async function migrate(
  dsn: string,
  direction: 'up' | 'down',
  { count, dir = migrationsDir }: { count?: number; dir?: string } = {},
): Promise<string[]> {
  const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }
  const done = await runner({
    databaseUrl: dsn,
    dir,
    migrationsTable,
    direction,
    ...(count === undefined ? {} : { count }),
    advisoryLockMode: 'wait',
    logger: quiet,
  })
  return done.map(({ name }) => name)
}

/** Names of all migrations there are, in order. */
export async function migrationNames(dir = migrationsDir): Promise<string[]> {
  const files = await readdir(dir)
  return files
    .filter((file) => file.endsWith('.sql'))
    .map((file) => file.slice(0, -'.sql'.length))
    .sort()
}
