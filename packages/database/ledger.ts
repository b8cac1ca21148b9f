import { countParked, epochOf } from './accounting.ts'
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
  /** Of the cache, in which it was accepted; '': without the cache. */
  epoch: string
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

/** A version that was set aside, by what tells it from others. */
export interface KnownParked {
  id: string
  version: number
  hash: string
  state: ParkedState
}

/** What was set aside, as the worker keeps it. Every method throws Unavailable when Postgres does not answer. */
export interface Ledger {
  /** Keeps these, all or none: a row each, or one attempt more on the row that there is. */
  keep(messages: ParkedMessage[]): Promise<void>
  read(n: number): Promise<ParkedRow | undefined>
  /** Up to `limit` rows that stand, in the order of n, those after `after`. */
  standing(selection: Selection, after: number, limit: number): Promise<ParkedRow[]>
  /** These rows were published again; one that has come back already stays as it is. */
  replayed(rows: Pick<ParkedRow, 'n' | 'parking' | 'collection'>[]): Promise<void>
  /** Those of these versions that were set aside, with how they stand. */
  find(versions: { id: string; version: number }[]): Promise<KnownParked[]>
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
        const rows: { n: number; collection: string }[] = []
        for (const one of sorted) rows.push(...(await keepOne(session, one)))
        await countAll(session, rows)
      })
    },
    async read(n) {
      const [row] = await database.query<ParkedRow>({ text: `SELECT ${columns} FROM parked WHERE n = $1`, values: [n] })
      return row
    },
    find: (versions) =>
      database.query<KnownParked>({
        text: `SELECT p.id, p.version, p.hash, p.state FROM parked p
          JOIN unnest($1::uuid[], $2::int[]) AS a(id, version) ON a.id = p.id AND a.version = p.version WHERE p.hash IS NOT NULL`,
        values: [versions.map(({ id }) => id), versions.map(({ version }) => version)],
      }),
    standing: ({ n, code, fingerprint, type, upTo }, after, limit) =>
      database.query<ParkedRow>({
        text: `SELECT ${columns} FROM parked WHERE state = 'PARKED' AND parking <= $1 AND n > $2
          AND ($4::bigint IS NULL OR n = $4) AND ($5::text IS NULL OR code = $5)
          AND ($6::text IS NULL OR fingerprint = $6) AND ($7::text IS NULL OR type = $7) ORDER BY n LIMIT $3`,
        values: [upTo, after, limit, n ?? null, code ?? null, fingerprint ?? null, type ?? null],
      }),
    async replayed(rows) {
      if (rows.length === 0) return
      await database.transaction(async (session) => {
        const turned = await session.query<{ n: number; collection: string }>({
          name: 'parked-replayed',
          text: `UPDATE parked p SET state = 'REPLAYED', ended_at = now() FROM unnest($1::bigint[], $2::bigint[]) AS r(n, parking)
            WHERE p.n = r.n AND p.parking = r.parking AND p.state = 'PARKED' RETURNING p.n, p.collection`,
          values: [rows.map(({ n }) => n), rows.map(({ parking }) => parking)],
        })
        await countAll(session, turned)
      })
    },
    counts: () => countStanding(database),
  }
}

/** How many rows stand, by code. */
const countStanding = (session: Session) =>
  session.query<{ code: string; count: number }>({
    name: 'parked-counts',
    text: `SELECT code, count(*) AS count FROM parked WHERE state = 'PARKED' GROUP BY code`,
  })

/** Counts what these rows are about, collection by collection. */
async function countAll(session: Session, rows: { n: number; collection: string }[]): Promise<void> {
  const collections = [...new Set(rows.map(({ collection }) => collection))].sort()
  for (const collection of collections) {
    const its = rows.filter((row) => row.collection === collection)
    await countParked(
      session,
      collection,
      its.map(({ n }) => n),
    )
  }
}

async function keepOne(session: Session, one: ParkedMessage): Promise<{ n: number; collection: string }[]> {
  return await session.query({
    name: 'parked-keep',
    text: `INSERT INTO parked AS p (collection, identity, routing_key, type, id, version, hash, code, reason, fingerprint, body,
        headers, properties, correlation_id, replays, epoch)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
      ON CONFLICT (collection, identity) DO UPDATE SET parking = excluded.parking, attempts = p.attempts + 1, state = 'PARKED',
        code = excluded.code, reason = excluded.reason, fingerprint = excluded.fingerprint, headers = excluded.headers,
        properties = excluded.properties, correlation_id = excluded.correlation_id,
        replays = greatest(p.replays, excluded.replays), last_parked_at = now(), ended_at = NULL RETURNING n, collection`,
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
      epochOf(one.epoch),
    ],
  })
}

/** Text without the one character that Postgres does not keep. */
const plain = (text: string) => text.replaceAll('\u0000', '\ufffd')
