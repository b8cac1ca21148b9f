import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { environment, readOptions } from '@ordermill/config'
import { addColumnsSql, createDatabase, createSql, type Database, dropSql } from '@ordermill/database'
import { migrate, migrationNames, migrationsDir, migrationsTable } from '@ordermill/database/migrate'
import { collections } from '@ordermill/model'

const help = `npm run migrate -- COMMAND

  up          run all migrations that have not run
  down        take the last one back
  reset       take all of them back, then run them again: the data is lost
  status      which have run
  new NAME    write a migration with what the collections have and the database lacks
  snapshot    write init.sql from the migrations

The database is POSTGRES_DSN, else the one that 'npm start' keeps.`

const root = new URL('..', import.meta.url).pathname

/** The SQL of a fresh database: all migrations, and the knowledge that they ran. */
async function snapshot(): Promise<string> {
  const names = await migrationNames()
  const ups = names.map((name) => {
    const [up = ''] = readFileSync(`${migrationsDir}${name}.sql`, 'utf8').split('-- Down Migration')
    return `-- ${name}\n\n${up.replace('-- Up Migration', '').trim()}\n`
  })
  return `-- The schema of a fresh database. Made by 'npm run migrate -- snapshot' from packages/database/migrations: do not edit.

${ups.join('\n')}
CREATE TABLE ${migrationsTable} (
  id serial PRIMARY KEY,
  name varchar(255) NOT NULL,
  run_on timestamp NOT NULL
);
INSERT INTO ${migrationsTable} (name, run_on) VALUES
${names.map((name) => `  ('${name}', now())`).join(',\n')};
`
}

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

/** Writes the next numbered migration with what collection files have and the database lacks. */
async function writeNew(database: Database, name: string): Promise<void> {
  if (!/^[a-z][a-z0-9_]*$/.test(name)) throw new Error(`'${name}' cannot name a migration: use a-z, 0-9 and _`)
  const parts = await Promise.all(
    collections.map(async (c) => {
      const columns = await database.query<{ name: string }>({
        text: `SELECT column_name AS name FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = $1`,
        values: [c.name],
      })
      if (columns.length === 0) return { up: createSql(c), down: dropSql(c) }
      return addColumnsSql(
        c,
        columns.map((column) => column.name),
      )
    }),
  )
  const ups = parts.map(({ up }) => up).filter((up) => up !== '')
  const downs = parts.map(({ down }) => down).filter((down) => down !== '')
  const number = String((await migrationNames()).length + 1).padStart(4, '0')
  const file = `${migrationsDir}${number}_${name}.sql`
  writeFileSync(file, `-- Up Migration\n\n${ups.join('\n')}\n-- Down Migration\n\n${downs.reverse().join('\n')}`)
  console.log(ups.length === 0 ? `${file}: the database lacks nothing; write it by hand` : file)
}

/** The environment, completed by what 'npm start' wrote down. */
function withServers(env: Record<string, string | undefined>): Record<string, string | undefined> {
  const file = `${root}.servers/start/env`
  if (env['POSTGRES_DSN'] !== undefined || !existsSync(file)) return env
  const pairs = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line.includes('='))
  return {
    ...Object.fromEntries(pairs.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)])),
    ...env,
  }
}

async function main([command = 'help', name]: string[]): Promise<void> {
  if (command === 'snapshot') return writeFileSync(`${root}init.sql`, await snapshot())
  if (!['up', 'down', 'reset', 'status', 'new'].includes(command)) return console.log(help)
  const { POSTGRES_DSN: dsn } = readOptions(withServers(environment()), ['POSTGRES_DSN'])
  const say = (verb: string, names: string[]) =>
    console.log(names.length === 0 ? `nothing to ${verb}` : names.map((n) => `${verb} ${n}`).join('\n'))
  if (command === 'up') return say('up', await migrate(dsn, 'up'))
  if (command === 'down') return say('down', await migrate(dsn, 'down'))
  if (command === 'reset') {
    say('down', await migrate(dsn, 'down', (await migrationNames()).length))
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
    await (command === 'status' ? status(database) : writeNew(database, name ?? ''))
  } finally {
    await database.stop()
  }
}

await main(process.argv.slice(2)).catch((thrown: unknown) => {
  console.error(thrown instanceof Error ? thrown.message : String(thrown))
  process.exitCode = 1
})
