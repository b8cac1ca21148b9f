import { writeFileSync } from 'node:fs'
import { readOptions } from '@ordermill/config'
import { createDatabase, type Database } from '@ordermill/database'
import { migrate, migrationNames, migrationsTable } from '@ordermill/database/migrate'
import { collections } from '@ordermill/model'
import { snapshot, writeMigration } from './migrations.ts'
import { withServers } from './server-addresses.ts'

const help = `npm run migrate -- COMMAND

  up          run all migrations that have not run
  down        take the last one back
  reset       take all of them back, then run them again: the data is lost
  status      which have run
  new NAME    write a migration with what the collections have and the database lacks
  snapshot    write init.sql from the migrations

The database is POSTGRES_DSN, else the one that 'npm start' keeps.`

const root = new URL('..', import.meta.url).pathname

async function status(database: Database): Promise<void> {
  const [exists] = await database.query<{ there: boolean }>({
    text: 'SELECT to_regclass($1) IS NOT NULL AS there',
    values: [migrationsTable],
  })
  const rows = exists?.there
    ? await database.query<{ name: string; run_on: Date }>({ text: `SELECT name, run_on FROM ${migrationsTable}` })
    : []
  const ran = new Map(rows.map(({ name, run_on }) => [name, run_on]))
  for (const name of await migrationNames()) console.log(`${name}  ${ran.get(name)?.toISOString() ?? 'not run'}`)
}

async function writeNew(database: Database, name = ''): Promise<void> {
  const { file, lacking } = await writeMigration(database, { name, collections })
  console.log(lacking ? file : `${file}: the database lacks nothing; write it by hand`)
}

async function main([command = 'help', name]: string[]): Promise<void> {
  if (command === 'snapshot') return writeFileSync(`${root}init.sql`, await snapshot())
  if (command === 'help') return console.log(help)
  if (!['up', 'down', 'reset', 'status', 'new'].includes(command))
    throw new Error(`There is no command '${command}'.\n\n${help}`)
  const { POSTGRES_DSN: dsn } = readOptions(withServers(), ['POSTGRES_DSN'])
  const say = (verb: string, names: string[]) =>
    console.log(names.length === 0 ? `nothing to ${verb}` : names.map((n) => `${verb} ${n}`).join('\n'))
  if (command === 'up') return say('up', await migrate(dsn, 'up'))
  if (command === 'down') return say('down', await migrate(dsn, 'down'))
  if (command === 'reset') {
    say('down', await migrate(dsn, 'down', { count: (await migrationNames()).length }))
    return say('up', await migrate(dsn, 'up'))
  }
  const database = createDatabase({
    dsn,
    name: 'ordermill-migrate',
    poolMax: 1,
    timeout_ms: 10_000,
    onLost: () => undefined,
  })
  try {
    await (command === 'status' ? status(database) : writeNew(database, name))
  } finally {
    await database.stop()
  }
}

await main(process.argv.slice(2)).catch((thrown: unknown) => {
  console.error(thrown instanceof Error ? thrown.message : String(thrown))
  process.exitCode = 1
})
