import { Unavailable } from '@ordermill/model'
import { Pool, type PoolClient, type QueryResultRow, types } from 'pg'
import { databaseFailure } from './failure.ts'

/** A statement: named ones are prepared once a connection. */
export interface Statement {
  name?: string
  text: string
  values?: unknown[]
}

/** What runs statements: the pool, or one transaction. */
export interface Session {
  /** @throws BadData | Unavailable */
  query<R extends QueryResultRow>(statement: Statement): Promise<R[]>
}

export interface Database extends Session {
  /**
   * Runs `work` in one transaction. When `signal` aborts, the connection is cut: what has not committed never will.
   * @throws BadData | Unavailable, or what `work` throws
   */
  transaction<T>(work: (session: Session) => Promise<T>, options?: { signal?: AbortSignal; begin?: string }): Promise<T>
  /** Connections in use, idle and awaited. */
  load(): { total: number; idle: number; waiting: number }
  stop(): Promise<void>
}

interface DatabaseParts {
  dsn: string
  name: string
  poolMax: number
  /** Longest a statement may take, in milliseconds; locks wait half as long. */
  timeout_ms: number
  onLost(error: Error): void
}

const int8 = 20
const parsers = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') =>
    oid === int8 ? Number : types.getTypeParser(oid, format), // change numbers and counts stay far below 2^53
} as typeof types

/** A pool of connections to Postgres. Nothing connects before the first statement. */
export function createDatabase({ dsn, name, poolMax, timeout_ms, onLost }: DatabaseParts): Database {
  const pool = new Pool({
    connectionString: dsn,
    application_name: name,
    max: poolMax,
    connectionTimeoutMillis: Math.min(timeout_ms, 5_000),
    idleTimeoutMillis: 30_000,
    statement_timeout: timeout_ms,
    lock_timeout: Math.ceil(timeout_ms / 2),
    idle_in_transaction_session_timeout: timeout_ms,
    keepAlive: true,
    options: `-c timezone=UTC -c tcp_user_timeout=${timeout_ms}`,
    types: parsers,
  })
  pool.on('error', onLost)
  // The server keeps `statement_timeout` itself, unless it hangs: then a socket says nothing for many minutes.
  const silence_ms = timeout_ms + 1_000
  let stopping: Promise<void> | undefined

  const connect = async (): Promise<PoolClient> => {
    try {
      return await pool.connect()
    } catch (thrown) {
      throw databaseFailure(thrown)
    }
  }
  return {
    async query<R extends QueryResultRow>(statement: Statement) {
      try {
        return (await pool.query<R>({ ...statement, query_timeout: silence_ms } as Statement)).rows
      } catch (thrown) {
        throw databaseFailure(thrown)
      }
    },
    async transaction(work, { signal, begin = 'BEGIN' } = {}) {
      const late = () => new Unavailable('deadline', 'The deadline of the attempt passed.', { cause: signal?.reason })
      if (signal?.aborted) throw late()
      const client = await connect()
      if (signal?.aborted) {
        client.release() // nothing was begun on it
        throw late()
      }
      let broken: Error | undefined
      const onError = (error: Error) => {
        broken ??= error // a socket that we cut says so too
      }
      const cut = () => {
        broken = late()
        destroy(client)
      }
      client.on('error', onError)
      signal?.addEventListener('abort', cut, { once: true })
      const session: Session = {
        async query<R extends QueryResultRow>(statement: Statement) {
          if (broken !== undefined) throw broken
          return (await client.query<R>(statement)).rows
        },
      }
      try {
        await client.query(begin)
        const result = await work(session)
        if (broken !== undefined) throw broken
        const { command } = await client.query('COMMIT')
        // Of a transaction in which a statement failed Postgres makes a rollback, and calls it no error.
        if (command !== 'COMMIT') throw new Error('a statement failed unheard: the transaction was rolled back')
        return result
      } catch (thrown) {
        if (broken === undefined) {
          await client.query('ROLLBACK').catch((error: Error) => {
            broken = error
          })
        }
        throw signal?.aborted && broken instanceof Unavailable ? broken : databaseFailure(thrown)
      } finally {
        signal?.removeEventListener('abort', cut)
        client.off('error', onError)
        client.release(broken)
      }
    },
    load: () => ({ total: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount }),
    stop: () => (stopping ??= pool.end()),
  }
}

/** Cuts the socket: the server rolls back, and every pending query of this client fails. */
function destroy(client: PoolClient): void {
  const { connection } = client as unknown as { connection?: { stream?: { destroy(): void } } }
  connection?.stream?.destroy()
}
