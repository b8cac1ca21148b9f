import { Unavailable } from '@ordermill/model'
import type { ClientBase, Pool, PoolClient, QueryResult, QueryResultRow } from 'pg'
import { copyIn } from './copying.ts'
import type { Statement } from './database.ts'
import { databaseFailure } from './failure.ts'

/** A connection that is lent for a while. */
export interface Lent {
  /** @throws whatever the statement failed with, or why the connection is broken */
  query<R extends QueryResultRow>(statement: Statement): Promise<QueryResult<R>>
  isBroken(): boolean
  /** It is not used again. */
  breaks(error: Error): void
  /** Cuts its socket: the server rolls back, and what is pending here fails. */
  cut(why: Unavailable): void
}

/** Lends a connection to `work`. @throws BadData | Unavailable */
export type Lend = <T>(work: (lent: Lent) => Promise<T>) => Promise<T>

/**
 * Lends connections of a pool. One that owes an answer for `silence_ms` is cut: a network may lose a connection and tell nobody, and its
 * socket would be silent for many minutes. Those that were idle then may be as dead, and are not used again either.
 */
export function createLender(pool: Pool, silence_ms: number): Lend {
  let silentAt = Number.NEGATIVE_INFINITY
  const idleSince = new WeakMap<PoolClient, number>()
  pool.on('release', (_error, client) => idleSince.set(client, performance.now()))

  const connect = async (): Promise<PoolClient> => {
    for (;;) {
      const client = await pool.connect()
      if ((idleSince.get(client) ?? Number.POSITIVE_INFINITY) > silentAt) return client
      destroy(client)
      client.release(true)
    }
  }
  return async (work) => {
    const client = await connect().catch((thrown: unknown) => Promise.reject(databaseFailure(thrown)))
    let broken: Error | undefined
    const breaks = (error: Error) => {
      broken ??= error // a socket that we cut says so too
    }
    const cut = (why: Unavailable) => {
      broken = why
      silentAt = performance.now()
      destroy(client)
    }
    const query = async <R extends QueryResultRow>({ wait_ms = silence_ms, input, ...statement }: Statement) => {
      if (broken !== undefined) throw broken
      const timer = setTimeout(() => cut(new Unavailable('database-away', 'Postgres does not answer.')), wait_ms)
      try {
        return await (input === undefined ? client.query<R>(statement) : copyIn(client, statement.text, input))
      } finally {
        clearTimeout(timer)
      }
    }
    client.on('error', breaks)
    try {
      return await work({ query, breaks, cut, isBroken: () => broken !== undefined })
    } catch (thrown) {
      throw broken instanceof Unavailable ? broken : databaseFailure(thrown)
    } finally {
      client.off('error', breaks)
      client.release(broken)
    }
  }
}

/** Cuts the socket of a connection: what is pending on it fails. */
export function destroy(client: ClientBase): void {
  const { connection } = client as unknown as { connection?: { stream?: { destroy(): void } } }
  connection?.stream?.destroy()
}
