import { orders } from '@ordermill/model'
import { firstOrder } from '@ordermill/model/testing'
import { Client } from 'pg'
import t from 'tap'
import { createDatabase, createTable } from './index.ts'
import { testDatabase, whenever } from './testing.ts'

const { database, dsn } = await testDatabase(t, { timeout_ms: 1_000 })
const table = createTable(database, orders)
const run = (text: string) => database.query({ text })
const codeOf = () =>
  table.probe(whenever()).then(
    () => 'passed',
    (error: { code?: string }) => error.code,
  )
/** Runs a statement in a transaction that somebody else holds open while `during` runs. */
const heldOpen = async (text: string, during: () => Promise<void>) => {
  const client = new Client(dsn)
  await client.connect()
  await client.query('BEGIN')
  await client.query(text)
  await during()
  await client.end()
}

t.test('a probe passes on an empty table and on a full one, and leaves nothing but its own row', async (t) => {
  t.equal(await codeOf(), 'passed')
  const order = firstOrder()
  await table.apply([[order]], whenever())
  t.equal(await codeOf(), 'passed')
  const [row] = await database.query({
    text: `SELECT (SELECT count(*) FROM orders) AS rows, (SELECT count(*) FROM orders_history) AS past,
      (SELECT count(*) FROM probes WHERE collection = 'orders') AS probes`,
  })
  t.same(row, { rows: 1, past: 0, probes: 1 })
})

t.test('what would keep any record from being persisted makes the probe fail as well', async (t) => {
  const locks = ['orders', 'orders_history', 'probes'].map((name) => `LOCK TABLE ${name} IN SHARE MODE`)
  for (const lock of [...locks, 'UPDATE orders SET quantity = 1 WHERE false'])
    await heldOpen(lock, async () => void t.equal(await codeOf(), 'database-55P03', lock))

  await run(`ALTER DATABASE ${new URL(dsn).pathname.slice(1)} SET default_transaction_read_only = on`)
  const late = createDatabase({ dsn, name: 'late', poolMax: 1, timeout_ms: 1_000, onLost: () => undefined })
  t.teardown(() => late.stop())
  await t.rejects(createTable(late, orders).probe(whenever()), { code: 'database-25006' })
  await run(`ALTER DATABASE ${new URL(dsn).pathname.slice(1)} RESET default_transaction_read_only`)

  await run(
    `CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'down' USING ERRCODE = 'XX000'; END $$`,
  )
  for (const when of ['INSERT', 'UPDATE']) {
    await run(`CREATE TRIGGER fail BEFORE ${when} ON orders FOR EACH ROW EXECUTE FUNCTION fail()`)
    t.equal(await codeOf(), 'database-XX000', `a trigger on ${when} that fails for all`)
    await run('DROP TRIGGER fail ON orders')
  }
  await run(
    'CREATE CONSTRAINT TRIGGER fail AFTER UPDATE ON probes DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fail()',
  )
  t.equal(await codeOf(), 'database-XX000', 'a commit that fails')
  await run('DROP TRIGGER fail ON probes')
  await run('ALTER TABLE orders_history RENAME COLUMN body TO content')
  t.equal(await codeOf(), 'database-42703', 'a schema that is behind')
  await run('ALTER TABLE orders_history RENAME COLUMN content TO body')
  t.equal(await codeOf(), 'passed')
})

t.test('what concerns one record alone does not make the probe fail', async (t) => {
  await heldOpen(
    'SELECT FROM orders FOR UPDATE',
    async () => void t.equal(await codeOf(), 'passed', 'its row is locked'),
  )
  await run(`ALTER TABLE orders ADD CHECK (product_name <> 'REGENCY CAKESTAND 3 TIER')`)
  t.equal(await codeOf(), 'passed', 'a rule that the example breaks and what stands does not')
  await run('CREATE UNIQUE INDEX one_each ON orders (product_name)')
  t.match(await codeOf(), /^sql-23/, 'neither passes: it proves nothing')
  await run('ALTER TABLE orders DROP CONSTRAINT orders_product_name_check')
  t.equal(await codeOf(), 'passed', 'a rule that a copy breaks and the example does not')
})

t.test('what is to happen besides is tried as well', async (t) => {
  const also = async (session: { query(statement: { text: string }): Promise<unknown> }) =>
    void (await session.query({ text: 'SELECT 1 FROM nowhere' }))
  await t.rejects(table.probe(whenever(), also), { code: 'database-42P01' })
})
