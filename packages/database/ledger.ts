import type { Database, Session } from './database.ts'

export type ParkedState = 'PARKED' | 'REPLAYED' | 'DISCARDED'

/** A message that was set aside: its bytes as they came, and why. */
export interface ParkedMessage {
  collection: string
  /** The same for the same thing, however often it is parked. */
  identity: string
  /** By which it is published again. */
  routingKey: string
  type: string | null
  /** As its headers say, where they say something that can be. */
  id: string | null
  version: number | null
  hash: string | null
  code: string
  reason: string
  /** The same for reasons that differ in numbers, ids and hashes alone. */
  fingerprint: string
  body: Buffer
  headers: Record<string, unknown>
  properties: Record<string, unknown>
  correlationId: string | null
  /** How often it was replayed before it came back. */
  replays: number
}

/** A row of the ledger, as far as a replay or a dry run needs it. */
export interface ParkedRow extends ParkedMessage {
  n: number
  /** Of the last time it was parked: grows with each. */
  parking: number
  state: ParkedState
}

/** Which rows a replay takes: those that stand, one or of a kind, and that were parked no later than `upTo`. */
export interface Selection {
  n?: number | undefined
  code?: string | undefined
  fingerprint?: string | undefined
  type?: string | undefined
  upTo: number
}

/** What was set aside, as the worker keeps it. Every method throws Unavailable when Postgres does not answer. */
export interface Ledger {
  /** Keeps these, all or none: a row each, or one attempt more on the row that there is. */
  keep(messages: ParkedMessage[]): Promise<void>
  read(n: number): Promise<ParkedRow | undefined>
  /** Up to `limit` rows that stand, in the order of n, those after `after`. */
  standing(selection: Selection, after: number, limit: number): Promise<ParkedRow[]>
  /** The row was published again; it stays as it is if it has come back already. */
  replayed(row: Pick<ParkedRow, 'n' | 'parking'>): Promise<void>
  /** How many stand, by code. */
  counts(): Promise<{ code: string; count: number }[]>
}

const columns = `n, parking, state, collection, identity, routing_key AS "routingKey", type, id, version, hash, code, reason,
  fingerprint, body, headers, properties, correlation_id AS "correlationId", replays`

export function createLedger(database: Database): Ledger {
  return {
    async keep(messages) {
      // Sorted: two workers that keep the same rows would wait for each other else.
      const sorted = [...messages].sort((a, b) => (a.identity < b.identity ? -1 : 1))
      await database.transaction(async (session) => {
        for (const one of sorted) await keepOne(session, one)
      })
    },
    async read(n) {
      const [row] = await database.query<ParkedRow>({ text: `SELECT ${columns} FROM parked WHERE n = $1`, values: [n] })
      return row
    },
    standing: ({ n, code, fingerprint, type, upTo }, after, limit) =>
      database.query<ParkedRow>({
        text: `SELECT ${columns} FROM parked WHERE state = 'PARKED' AND parking <= $1 AND n > $2
          AND ($4::bigint IS NULL OR n = $4) AND ($5::text IS NULL OR code = $5)
          AND ($6::text IS NULL OR fingerprint = $6) AND ($7::text IS NULL OR type = $7) ORDER BY n LIMIT $3`,
        values: [upTo, after, limit, n ?? null, code ?? null, fingerprint ?? null, type ?? null],
      }),
    async replayed({ n, parking }) {
      await database.query({
        name: 'parked-replayed',
        text: `UPDATE parked SET state = 'REPLAYED', ended_at = now() WHERE n = $1 AND parking = $2 AND state = 'PARKED'`,
        values: [n, parking],
      })
    },
    counts: () => countParked(database),
  }
}

/** How many rows stand, by code. */
const countParked = (session: Session) =>
  session.query<{ code: string; count: number }>({
    name: 'parked-counts',
    text: `SELECT code, count(*) AS count FROM parked WHERE state = 'PARKED' GROUP BY code`,
  })

async function keepOne(session: Session, one: ParkedMessage): Promise<void> {
  await session.query({
    name: 'parked-keep',
    text: `INSERT INTO parked AS p (collection, identity, routing_key, type, id, version, hash, code, reason, fingerprint, body,
        headers, properties, correlation_id, replays)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
      ON CONFLICT (collection, identity) DO UPDATE SET parking = excluded.parking, attempts = p.attempts + 1, state = 'PARKED',
        code = excluded.code, reason = excluded.reason, fingerprint = excluded.fingerprint, headers = excluded.headers,
        properties = excluded.properties, correlation_id = excluded.correlation_id,
        replays = greatest(p.replays, excluded.replays), last_parked_at = now(), ended_at = NULL`,
    values: [
      one.collection,
      one.identity,
      plain(one.routingKey),
      one.type === null ? null : plain(one.type),
      one.id,
      one.version,
      one.hash,
      plain(one.code),
      plain(one.reason),
      one.fingerprint,
      one.body,
      JSON.stringify(one.headers),
      JSON.stringify(one.properties),
      one.correlationId === null ? null : plain(one.correlationId),
      one.replays,
    ],
  })
}

/** Text without the one character that Postgres does not keep. */
const plain = (text: string) => text.replaceAll('\u0000', '\ufffd')
