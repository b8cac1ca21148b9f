import type { Session } from './database.ts'

/**
 * Attempts at deliveries of a queue, by what identifies them, written before they are made: those in which a worker died can be told.
 * An attempt is open while its holder is at it. The broker hands a delivery out again only when its holder is gone; so an open
 * attempt of another holder is one that its holder did not survive. Every method throws Unavailable when Postgres does not answer.
 */
export interface Attempts {
  /** Closes what is open, and gives how many workers died in an attempt at this so far. */
  deaths(queue: string, identity: string): Promise<number>
  open(queue: string, identity: string): Promise<void>
  /** The holder survived it; how many did not is kept. */
  close(queue: string, identity: string): Promise<void>
  /** It is done with. */
  forget(queue: string, identity: string): Promise<void>
}

/** Attempts of one holder: a UUID that no other process has. */
export function createAttempts(session: Session, holder: string): Attempts {
  return {
    async deaths(queue, identity) {
      const [row] = await session.query<{ deaths: number }>({
        text: `UPDATE attempts SET deaths = deaths + (holder IS NOT NULL AND holder <> $3)::int, holder = NULL, updated_at = now()
          WHERE queue = $1 AND identity = $2 RETURNING deaths`,
        values: [queue, identity, holder],
      })
      return row?.deaths ?? 0
    },
    async open(queue, identity) {
      // A worker that was killed between commit and `forget` leaves a row behind that nobody will ask for.
      await session.query({
        text: `WITH old AS (DELETE FROM attempts WHERE updated_at < now() - interval '30 days' AND identity <> $2)
          INSERT INTO attempts (queue, identity, holder) VALUES ($1, $2, $3)
          ON CONFLICT (queue, identity) DO UPDATE SET holder = $3, updated_at = now()`,
        values: [queue, identity, holder],
      })
    },
    async close(queue, identity) {
      await session.query({
        text: 'UPDATE attempts SET holder = NULL WHERE queue = $1 AND identity = $2 AND holder = $3',
        values: [queue, identity, holder],
      })
    },
    async forget(queue, identity) {
      await session.query({
        text: 'DELETE FROM attempts WHERE queue = $1 AND identity = $2',
        values: [queue, identity],
      })
    },
  }
}
