import { until } from '../../servers/testing.ts'
import type { Scene } from '../scenarios/scenario.ts'

/** Stopped as by an immediate shutdown: sessions are dropped, and the next start recovers from the log. */
export async function stopImmediately({ stack }: Scene): Promise<void> {
  const postgres = stack.server('postgres')
  await postgres.kill('SIGQUIT')
  await until('Postgres has ended', () => postgres.pid === undefined)
}

/** Somebody holds the table against everybody, as a long migration would. */
export async function lockTable({ stack, outage_s, wait }: Scene): Promise<void> {
  const client = await stack.stores.pool.connect()
  try {
    await client.query('BEGIN; LOCK TABLE orders IN ACCESS EXCLUSIVE MODE')
    await wait(outage_s)
    await client.query('ROLLBACK')
  } finally {
    client.release()
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
