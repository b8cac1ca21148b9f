import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { readOptions } from '@ordermill/config'
import { createDatabase } from '@ordermill/database'
import { engineOptionNames, searchClientOf } from '@ordermill/search'
import { findPostgres, removeIndices, removeKeys } from '@ordermill/servers'
import { run } from './run-command.ts'
import { withServers } from './server-addresses.ts'

const help = `npm run backup -- FILE     writes a snapshot of the database
npm run restore -- FILE    replaces the database by it, and empties cache and search index

Stop API and worker before a restore. The servers are those of the environment (POSTGRES_DSN, REDIS_ADDR,
ELASTICSEARCH_URL, NAMESPACE), else those that 'npm start' keeps.`

async function main([command = '', file = '']: string[]): Promise<void> {
  if ((command !== 'backup' && command !== 'restore') || file === '' || file.startsWith('-')) return console.log(help)
  const env = withServers()
  const folder = findPostgres(env)
  if (folder === undefined) throw new Error('pg_dump and pg_restore are missing: install PostgreSQL 15 or later')
  const options = readOptions(env, ['POSTGRES_DSN', 'REDIS_ADDR', 'NAMESPACE', ...engineOptionNames])
  const postgres = (program: string, args: string[]) => run(join(folder, program), args, { PATH: env['PATH'] })
  if (command === 'backup') {
    await postgres('pg_dump', ['--format=custom', '--no-owner', `--file=${file}`, `--dbname=${options.POSTGRES_DSN}`])
    return console.log(`${file} written`)
  }
  if (!existsSync(file)) throw new Error(`${file} does not exist`)
  await refuseWhileInUse(options.POSTGRES_DSN)
  const how = ['--clean', '--if-exists', '--no-owner', '--single-transaction', '--exit-on-error']
  await postgres('pg_restore', [...how, `--dbname=${options.POSTGRES_DSN}`, file])
  // Both know versions that the restored database does not: nothing may be built on those.
  const keys = await removeKeys(options.REDIS_ADDR.join(), `{*}:${options.NAMESPACE}*`)
  const engine = searchClientOf(options, 30_000)
  const indices = engine === undefined ? [] : await removeIndices(engine, `${options.NAMESPACE}orders-*`)
  await engine?.close()
  console.log(`restored from ${file}; ${keys} keys of the cache and ${indices.length} search indices removed`)
}

/** @throws Error while a service is connected: what it accepts meanwhile would be lost */
async function refuseWhileInUse(dsn: string): Promise<void> {
  const database = createDatabase({
    dsn,
    name: 'ordermill-restore',
    poolMax: 1,
    timeout_ms: 5_000,
    onLost: () => undefined,
  })
  try {
    const rows = await database.query<{ name: string }>({
      text: `SELECT DISTINCT application_name AS name FROM pg_stat_activity
        WHERE datname = current_database() AND application_name IN ('ordermill-api', 'ordermill-worker')`,
    })
    if (rows.length > 0) throw new Error(`stop these first: ${rows.map(({ name }) => name).join(', ')}`)
  } finally {
    await database.stop()
  }
}

await main(process.argv.slice(2)).catch((thrown: unknown) => {
  console.error(thrown instanceof Error ? thrown.message : String(thrown))
  process.exitCode = 1
})
