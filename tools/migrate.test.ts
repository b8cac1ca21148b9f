import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { environment } from '@ordermill/config'
import { createDatabase, createSql } from '@ordermill/database'
import { migrate, migrationNames, migrationsDir } from '@ordermill/database/migrate'
import { collection, type Fields, integer, keyword, orders, steps, text } from '@ordermill/model'
import { emptyDatabase } from '@ordermill/servers/testing'
import { Client } from 'pg'
import t, { type Test } from 'tap'
import { snapshot, writeMigration } from './migrations.ts'
import { describeSchema } from './schema.ts'

const repository = join(import.meta.dirname, '..')
const env = environment()
const names = await migrationNames()

/** Runs the command on a database, and gives what it printed and how it ended. */
function command(args: string[], dsn: string): Promise<{ code: unknown; out: string; err: string }> {
  return new Promise((resolve) => {
    const options = { cwd: repository, env: { PATH: '/usr/bin:/bin', POSTGRES_DSN: dsn } }
    execFile(process.execPath, [join(repository, 'tools/migrate.ts'), ...args], options, (error, out, err) =>
      resolve({ code: error === null ? 0 : error.code, out, err }),
    )
  })
}

async function execute(dsn: string, sql: string): Promise<unknown[]> {
  const client = new Client(dsn)
  await client.connect()
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}

/** A copy of the migrations, to write into. */
function copyOfMigrations(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'migrations-'))
  t.teardown(() => rmSync(dir, { recursive: true }))
  cpSync(migrationsDir, dir, { recursive: true })
  return `${dir}/`
}

t.test('the committed init.sql is the snapshot of the migrations', async (t) => {
  t.equal(readFileSync(join(repository, 'init.sql'), 'utf8'), await snapshot())
})

t.test('up, status, down and reset lead from an empty database there and back', async (t) => {
  const dsn = await emptyDatabase(t, env)
  t.match((await command(['status'], dsn)).out, /^0001_foundations {2}not run$/m)
  t.equal((await command(['up'], dsn)).out, `${names.map((name) => `up ${name}`).join('\n')}\n`)
  t.equal((await command(['up'], dsn)).out, 'nothing to up\n')
  const whole = await describeSchema(dsn)
  t.equal((await command(['status'], dsn)).out.match(/ {2}\d{4}-\d\d-\d\dT/g)?.length, names.length)

  t.equal((await command(['down'], dsn)).out, `down ${names.at(-1)}\n`)
  t.match((await command(['status'], dsn)).out, new RegExp(`^${names.at(-1)} {2}not run$`, 'm'))
  await command(['up'], dsn)
  t.strictSame(await describeSchema(dsn), whole, 'what was taken back is there again')

  await execute(dsn, `INSERT INTO leases VALUES ('x', 'x', 1, now())`)
  const reset = await command(['reset'], dsn)
  t.equal(reset.code, 0)
  t.match(reset.out, new RegExp(`^down ${names.at(-1)}$[^]*^down ${names[0]}$[^]*^up ${names[0]}$`, 'm'))
  t.strictSame(await describeSchema(dsn), whole)
  t.strictSame(await execute(dsn, 'SELECT * FROM leases'), [], 'the data is gone')
})

t.test('taking back every migration leaves nothing behind', async (t) => {
  const dsn = await emptyDatabase(t, env)
  await migrate(dsn, 'up')
  await migrate(dsn, 'down', { count: names.length })
  t.strictSame(
    (await describeSchema(dsn)).filter((line) => !line.includes('migrations')),
    [],
  )
})

t.test('a database made from init.sql is the same as a migrated one, and knows all migrations as run', async (t) => {
  const [migrated, made] = [await emptyDatabase(t, env), await emptyDatabase(t, env)]
  await migrate(migrated, 'up')
  await execute(made, readFileSync(join(repository, 'init.sql'), 'utf8'))
  const schema = await describeSchema(made)
  t.ok(schema.length > 50, `${schema.length} lines`)
  t.strictSame(schema, await describeSchema(migrated))
  t.strictSame(await migrate(made, 'up'), [])
  t.strictSame(await migrate(made, 'down'), [names.at(-1)], 'and can be taken back')
})

t.test('the table of orders has what its collection declares, no more columns and no fewer', async (t) => {
  const dsn = await emptyDatabase(t, env)
  await migrate(dsn, 'up')
  await execute(dsn, `CREATE SCHEMA declared; SET search_path = declared, public; ${createSql(orders)}`)
  // Columns that were added later stand at the end: their place is no difference.
  const unplaced = (lines: string[]) => lines.map((line) => line.replace(/^(column \w+)\.\d+ /, '$1 ')).sort()
  const declared = unplaced(await describeSchema(dsn, 'declared'))
  const stands = unplaced(await describeSchema(dsn))
  const columns = (lines: string[]) => lines.filter((line) => /^column orders(_history)? /.test(line))
  t.strictSame(columns(stands), columns(declared))
  t.strictSame(
    declared.filter((line) => !stands.includes(line)),
    [],
    'keys, indexes and triggers too',
  )
})

t.test(
  'a field that the database lacks is added by the migration that `new` writes, and taken away by its down',
  async (t) => {
    const dsn = await emptyDatabase(t, env)
    const dir = copyOfMigrations(t)
    await migrate(dsn, 'up', { dir })
    const before = await describeSchema(dsn)
    const fields: Fields = {
      ...orders.fields,
      colour: keyword({ optional: true }),
      weight: integer({ min: 0, default: 7 }),
      note: text({ min: 1, max: 99, optional: true, search: ['prefix'] }),
    }
    const more = collection('orders', { title: 'order', type: 'orders.v1', fields, status: orders.status })
    const database = createDatabase({ dsn, name: 'test', poolMax: 1, timeout_ms: 10_000, onLost: () => undefined })
    t.teardown(() => database.stop())
    await execute(
      dsn,
      `INSERT INTO orders (id, version, hash, status, product_name, amount, created_at, updated_at) VALUES (gen_random_uuid(), 1, 'h', 'placed', 'Tea', 1, now(), now())`,
    )

    const { file, lacking } = await writeMigration(database, { name: 'colour', collections: [more], dir })
    t.equal(lacking, true)
    t.equal(file, `${dir}${String(names.length + 1).padStart(4, '0')}_colour.sql`)
    t.strictSame(await migrate(dsn, 'up', { dir }), [file.slice(dir.length, -'.sql'.length)])
    t.strictSame(await execute(dsn, 'SELECT colour, weight FROM orders'), [{ colour: null, weight: 7 }])
    t.strictSame(
      await execute(dsn, 'SELECT colour, weight, note FROM orders_search'),
      [],
      'what can be asked for has its place beside the table',
    )
    t.match(await writeMigration(database, { name: 'nothing', collections: [more], dir }), { lacking: false })
    await migrate(dsn, 'up', { dir })
    await migrate(dsn, 'down', { dir, count: 2 })
    t.strictSame(await describeSchema(dsn), before)
  },
)

t.test('a collection that the database lacks altogether gets its whole table, and loses it by the down', async (t) => {
  const dsn = await emptyDatabase(t, env)
  const dir = copyOfMigrations(t)
  await migrate(dsn, 'up', { dir })
  const before = await describeSchema(dsn)
  const parcels = collection('parcels', {
    title: 'parcel',
    type: 'parcels.v1',
    fields: { code: keyword({}) },
    status: steps({ packed: [] }),
  })
  const database = createDatabase({ dsn, name: 'test', poolMax: 1, timeout_ms: 10_000, onLost: () => undefined })
  t.teardown(() => database.stop())
  await writeMigration(database, { name: 'parcels', collections: [orders, parcels], dir })
  await migrate(dsn, 'up', { dir })
  t.ok((await describeSchema(dsn)).includes('table parcels_history'))
  await migrate(dsn, 'down', { dir })
  t.strictSame(await describeSchema(dsn), before)
})

t.test('a command that cannot be done says why, and exits with 1', async (t) => {
  const dsn = await emptyDatabase(t, env)
  t.match(await command(['sideways'], dsn), { code: 1, err: /There is no command 'sideways'.*\n\nnpm run migrate/ })
  t.match(await command(['new', 'No Name!'], dsn), { code: 1, err: /'No Name!' cannot name a migration/ })
  t.match(await command(['new'], dsn), { code: 1, err: /cannot name a migration/ })
  t.match(await command(['up'], 'nonsense'), { code: 1, err: /POSTGRES_DSN is \*{5}: it takes/ })
  t.match(await command(['status'], 'postgres://127.0.0.1:1/x'), { code: 1, err: /ECONNREFUSED/ })
  t.match(await command([], dsn), { code: 0, out: /^npm run migrate -- COMMAND/ })
})
