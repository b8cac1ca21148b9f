import { toError, Unavailable } from '@ordermill/model'
import { type CustomTypesConfig, Pool, type QueryResultRow, types } from 'pg'
import { createLender } from './lending.ts'

/** A statement: named ones are prepared once a connection. */
export interface Statement {
  name?: string
  text: string
  values?: unknown[]
  /** What a COPY … FROM STDIN reads. */
  input?: string
  /** How long its answer is waited for, in milliseconds, if it may take longer than others. */
  wait_ms?: number
  /** How values are read, where that differs. */
  types?: CustomTypesConfig
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
/** How values are read. */
export const parsers = {
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
    keepAliveInitialDelayMillis: 10_000, // the system's two hours are no use
    options: `-c timezone=UTC -c tcp_user_timeout=${timeout_ms}`,
    types: parsers,
  })
  pool.on('error', onLost)
  // The server keeps `statement_timeout` itself, unless it hangs or the network lost us.
  const lend = createLender(pool, timeout_ms + 1_000)
  let stopping: Promise<void> | undefined

  return {
    query: <R extends QueryResultRow>(statement: Statement) =>
      lend(async (lent) => {
        try {
          return (await lent.query<R>(statement)).rows
        } catch (thrown) {
          lent.breaks(toError(thrown)) // what state it is in, nobody knows
          throw thrown
        }
      }),
    async transaction(work, { signal, begin = 'BEGIN' } = {}) {
      const late = () => new Unavailable('deadline', 'The deadline of the attempt passed.', { cause: signal?.reason })
      if (signal?.aborted) throw late()
      return await lend(async (lent) => {
        if (signal?.aborted) throw late() // nothing was begun on it
        const cut = () => lent.cut(late())
        signal?.addEventListener('abort', cut, { once: true })
        const session: Session = {
          query: async <R extends QueryResultRow>(statement: Statement) => (await lent.query<R>(statement)).rows,
        }
        try {
          await lent.query({ text: begin })
          const result = await work(session)
          const { command } = await lent.query({ text: 'COMMIT' })
          // Of a transaction in which a statement failed Postgres makes a rollback, and calls it no error.
          if (command !== 'COMMIT') throw new Error('a statement failed unheard: the transaction was rolled back')
          return result
        } catch (thrown) {
          if (!lent.isBroken()) await lent.query({ text: 'ROLLBACK' }).catch(lent.breaks)
          throw thrown
        } finally {
          signal?.removeEventListener('abort', cut)
        }
      })
    },
    load: () => ({ total: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount }),
    stop: () => (stopping ??= pool.end()),
  }
}
