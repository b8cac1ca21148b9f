import { until } from '../../servers/testing.ts'
import type { Scene } from '../scenarios/scenario.ts'

/** Stopped as by an immediate shutdown: sessions are dropped, and the next start recovers from the log. */
export async function stopImmediately({ stack }: Scene): Promise<void> {
  const postgres = stack.server('postgres')
  await postgres.kill('SIGQUIT')
  await until('Postgres has ended', () => postgres.pid === undefined)
}

/** What somebody else may hold: the table against everybody, as a long migration would, or every row that stands, as a forgotten session with a careless UPDATE would. */
const holds = {
  table: 'LOCK TABLE orders IN ACCESS EXCLUSIVE MODE',
  rows: 'SELECT FROM orders FOR UPDATE',
}

/** Somebody holds these for as long as the outage is. */
export async function hold({ stack, outage_s, wait }: Scene, what: keyof typeof holds): Promise<void> {
  const client = await stack.stores.pool.connect()
  try {
    await client.query('BEGIN')
    await client.query(holds[what])
    await wait(outage_s)
  } finally {
    client.release(true) // its transaction ends with it
  }
}

/** Sessions are ended at any moment, in the middle of their COMMIT too. */
export async function cutSessions({ stack, random, outage_s, wait, say }: Scene): Promise<void> {
  const until_ms = performance.now() + outage_s * 1_000
  let cut = 0
  let committing = 0
  while (performance.now() < until_ms) {
    const { rows } = await stack.stores.pool.query<{ committing: boolean }>(
      `SELECT pg_terminate_backend(pid), query ILIKE 'commit%' AND state = 'active' AS committing FROM pg_stat_activity
       WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle' ORDER BY query ILIKE 'commit%' DESC LIMIT 2`,
    )
    cut += rows.length
    committing += rows.filter((row) => row.committing).length
    await wait(random.float() * 0.05)
  }
  say(`  ${cut} sessions were ended, ${committing} of them in their COMMIT`)
}

/** Every new transaction is read-only, or may write again. */
export async function setReadOnly({ stack }: Scene, state: 'on' | 'off'): Promise<void> {
  const client = await stack.stores.pool.connect()
  try {
    await client.query('SET default_transaction_read_only = off')
    await client.query(`ALTER SYSTEM SET default_transaction_read_only = ${state}`)
    await client.query('SELECT pg_reload_conf()')
  } finally {
    client.release(true) // its own setting goes with it
  }
}

/** A setting of the server is changed for all; undefined: as it was. */
export async function setServer({ stack }: Scene, name: string, value: string | undefined): Promise<void> {
  const { pool } = stack.stores
  await pool.query(value === undefined ? `ALTER SYSTEM RESET ${name}` : `ALTER SYSTEM SET ${name} = ${value}`)
  await pool.query('SELECT pg_reload_conf()')
}

/** A trigger of somebody's makes every write of an order take a minute. */
export async function slowDown({ stack }: Scene): Promise<void> {
  await stack.stores.pool.query(
    `CREATE FUNCTION chaos_slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(60); RETURN NULL; END';
     CREATE TRIGGER chaos_slow AFTER INSERT OR UPDATE ON orders FOR EACH STATEMENT EXECUTE FUNCTION chaos_slow()`,
  )
}

/** The trigger is dropped. */
export async function speedUp({ stack }: Scene): Promise<void> {
  await stack.stores.pool.query('DROP FUNCTION chaos_slow CASCADE')
}

/** So often in a row at least: a batch of 500 is divided four times until a record is alone. */
const deadlocksMin = 5

/**
 * Somebody holds the row that is changed most. Whenever the worker waits for it they ask for the worker's lock of the table, and leave it
 * to the worker to notice: it is the one that Postgres fails, each time. @throws Error if it did not happen often enough
 */
export async function deadlockOnOneRow(scene: Scene): Promise<void> {
  const { stack, outage_s, wait, say } = scene
  const { pool } = stack.stores
  scene.finally(() => setServer(scene, 'deadlock_timeout', undefined))
  await setServer(scene, 'deadlock_timeout', "'200ms'")
  const until_ms = performance.now() + outage_s * 1_000
  const client = await pool.connect()
  let count = 0
  try {
    await client.query("SET deadlock_timeout = '1min'; SET lock_timeout = '10s'")
    await client.query('BEGIN')
    const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
    await client.query(
      `WITH recent AS (SELECT id, version FROM orders WHERE deleted_at IS NULL ORDER BY change_seq DESC LIMIT 50)
       SELECT FROM orders WHERE id = (SELECT id FROM recent ORDER BY version DESC LIMIT 1) FOR UPDATE`,
    )
    const isAwaited = async () =>
      (await pool.query('SELECT FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid))', [rows[0]?.pid])).rowCount
    while (performance.now() < until_ms) {
      if (!(await isAwaited())) {
        await wait(0.01)
        continue
      }
      await client.query(
        `SAVEPOINT before; SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || '.orders', 0))`,
      )
      await client.query('ROLLBACK TO before')
      count += 1
    }
    await client.query('ROLLBACK')
  } finally {
    client.release(true)
  }
  if (count < deadlocksMin) throw new Error(`the worker was in a deadlock ${count} times only`)
  say(`  ${count} deadlocks in a row`)
}

/** Somebody locks the rows that are changed most, against the order in which the worker does. @throws Error if no deadlock comes of it */
export async function deadlock(scene: Scene): Promise<void> {
  const { stack, outage_s, wait, say } = scene
  const { pool } = stack.stores
  const count = async () =>
    (await pool.query<{ n: number }>('SELECT sum(deadlocks)::int AS n FROM pg_stat_database')).rows[0]?.n ?? 0
  scene.finally(() => setServer(scene, 'deadlock_timeout', undefined))
  await setServer(scene, 'deadlock_timeout', "'20ms'")
  const before = await count()
  const until_ms = performance.now() + outage_s * 1_000
  const client = await pool.connect()
  try {
    while (performance.now() < until_ms) {
      const { rows } = await client.query<{ id: string }>(
        'SELECT id FROM (SELECT id FROM orders WHERE version > 1 ORDER BY change_seq DESC LIMIT 40) AS hot ORDER BY id DESC',
      )
      await client.query('BEGIN')
      try {
        for (const { id } of rows) {
          await client.query('SELECT FROM orders WHERE id = $1 FOR UPDATE', [id])
          await wait(0.02)
        }
      } catch (thrown) {
        if ((thrown as { code?: string }).code !== '40P01') throw thrown
      }
      await client.query('ROLLBACK')
    }
  } finally {
    client.release(true)
  }
  await until('there was a deadlock', async () => (await count()) > before, 5_000) // counted a moment late
  say(`  ${(await count()) - before} deadlocks`)
}
