import { countParked } from './accounting.ts'
import type { Database } from './database.ts'
import type { ParkedState } from './ledger.ts'

/** One row of a list of parked records. */
export interface ParkedSummary {
  n: number
  collection: string
  id: string | null
  version: number | null
  code: string
  reason: string
  fingerprint: string
  attempts: number
  replays: number
  correlation_id: string | null
  state: ParkedState
  parked_at: string
  last_parked_at: string
  ended_at: string | null
}

/** Parked records that are alike. */
export interface ParkedGroup {
  code: string
  fingerprint: string
  /** Of one of them. */
  reason: string
  count: number
  oldest: string
}

/** Who gave one up, when and why. */
export interface Discard {
  by: string
  reason: string
  at: string
}

/** One parked record with all that is known of it. */
export interface ParkedRecord extends ParkedSummary {
  hash: string | null
  type: string | null
  headers: Record<string, unknown>
  properties: Record<string, unknown>
  body: Buffer
  discards: Discard[]
}

interface Filter {
  code: string | undefined
  state: ParkedState
}

/** What was set aside, as operators see it. Every method throws Unavailable when Postgres does not answer. */
export interface ParkedView {
  /** The largest groups first, at most a hundred. */
  groups(filter: Filter): Promise<ParkedGroup[]>
  /** Newest first, those below `before`. */
  list(filter: Filter, page: { limit: number; before: number | undefined }): Promise<ParkedSummary[]>
  read(n: number): Promise<ParkedRecord | undefined>
  /** The number of the last parking: what is parked later has a higher one. */
  lastParking(): Promise<number>
  /**
   * Whether there are some that older workers could not read for this type, and that are worth another try: replayed less often
   * than `replaysMax`, each time after a longer while.
   */
  standsUnknown(type: string, replaysMax: number): Promise<boolean>
  /** Gives one up, with who and why; false unless it stands. */
  discard(n: number, why: { by: string; reason: string }): Promise<boolean>
}

const summary = `n, collection, id, version, code, reason, fingerprint, attempts, replays, correlation_id, state,
  iso(parked_at) AS parked_at, iso(last_parked_at) AS last_parked_at, iso(ended_at) AS ended_at`

export function createParkedView(database: Database): ParkedView {
  return {
    groups: ({ code, state }) =>
      database.query<ParkedGroup>({
        text: `SELECT code, fingerprint, min(reason) AS reason, count(*) AS count, iso(min(parked_at)) AS oldest FROM parked
          WHERE state = $1 AND ($2::text IS NULL OR code = $2) GROUP BY code, fingerprint
          ORDER BY count(*) DESC, code, fingerprint LIMIT 100`,
        values: [state, code ?? null],
      }),
    list: ({ code, state }, { limit, before }) =>
      database.query<ParkedSummary>({
        text: `SELECT ${summary} FROM parked WHERE state = $1 AND ($2::text IS NULL OR code = $2)
          AND ($3::bigint IS NULL OR n < $3) ORDER BY n DESC LIMIT $4`,
        values: [state, code ?? null, before ?? null, limit],
      }),
    async read(n) {
      const [found] = await database.query<Omit<ParkedRecord, 'discards'>>({
        text: `SELECT ${summary}, hash, type, headers, properties, body FROM parked WHERE n = $1`,
        values: [n],
      })
      if (found === undefined) return undefined
      const discards = await database.query<Discard>({
        text: 'SELECT discarded_by AS by, reason, iso(discarded_at) AS at FROM parked_discards WHERE n = $1 ORDER BY id',
        values: [n],
      })
      return { ...found, discards }
    },
    async lastParking() {
      const [row] = await database.query<{ last: number }>({ text: 'SELECT last_value AS last FROM parkings' })
      return row?.last ?? 0
    },
    async standsUnknown(type, replaysMax) {
      const rows = await database.query({
        name: 'parked-unknown',
        text: `SELECT 1 FROM parked WHERE state = 'PARKED' AND code = 'unknown-type' AND type = $1 AND replays < $2
          AND last_parked_at <= now() - replays * interval '1 minute' LIMIT 1`,
        values: [type, replaysMax],
      })
      return rows.length > 0
    },
    discard: (n, { by, reason }) =>
      database.transaction(async (session) => {
        const [ended] = await session.query<{ collection: string }>({
          text: `UPDATE parked SET state = 'DISCARDED', ended_at = now() WHERE n = $1 AND state = 'PARKED' RETURNING collection`,
          values: [n],
        })
        if (ended === undefined) return false
        await session.query({
          text: 'INSERT INTO parked_discards (n, discarded_by, reason) VALUES ($1, $2, $3)',
          values: [n, by, reason],
        })
        await countParked(session, ended.collection, [n])
        return true
      }),
  }
}
