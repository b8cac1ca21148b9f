import { escapeIdentifier } from 'pg'
import { type Bulk, storeBulk } from './bulks.ts'
import type { Database, Session } from './database.ts'
import type { Outcome } from './decide.ts'
import type { Also } from './table.ts'

/** What became of distinct versions. */
export interface Account {
  /** Committed; those that a newer one has superseded are among them. */
  persisted: number
  /** Those of the persisted ones that came in bulks. */
  bulk_persisted: number
  /** Members of bulks that were rolled back. */
  rejected: number
  /** Set aside, waiting for an operator. A parked bulk is one. */
  parked: number
  /** Published again after they were parked, and not yet ended. */
  replayed: number
  /** Given up by an operator. */
  discarded: number
}

/** Accounts of versions by when they were accepted. */
export interface Accounts {
  /** In the epoch that was asked for. */
  epoch: Account
  /** Without the cache, ever. */
  uncached: Account
  /** In other epochs. */
  earlier: Account
}

const names = ['persisted', 'bulk_persisted', 'rejected', 'parked', 'replayed', 'discarded'] as const

/**
 * Adds what `changes` selects (epoch and counts) to the accounts of collection $1, as one statement. Epochs in order: who counts in
 * several locks them in the same order.
 */
const addSql = (changes: string) => `INSERT INTO accounting AS a (collection, epoch, ${names.join(', ')})
  SELECT $1, epoch, ${names.map((name) => `coalesce(sum(${name}), 0)`).join(', ')} FROM (${changes}) AS changes
  GROUP BY epoch HAVING ${names.map((name) => `coalesce(sum(${name}), 0) <> 0`).join(' OR ')} ORDER BY epoch
  ON CONFLICT (collection, epoch) DO UPDATE SET ${names.map((name) => `${name} = a.${name} + excluded.${name}`).join(', ')}`

const standings = ['parked', 'replayed', 'discarded'] as const
const standingSql = (sign: '+' | '-', column: string) =>
  standings.map((name) => `${sign}(${column} = '${name}')::int AS ${name}`).join(', ')

/** What was parked or published again has ended: it is counted as that no more. */
const endSql = `WITH ended AS (
    UPDATE parked_subjects p SET standing = 'ended' FROM parked_subjects was
    WHERE p.collection = $1 AND p.subject = ANY($2) AND p.standing <> 'ended'
      AND was.collection = p.collection AND was.subject = p.subject RETURNING was.epoch, was.standing)
  ${addSql(`SELECT epoch, persisted, bulk_persisted, rejected, 0 AS parked, 0 AS replayed, 0 AS discarded
      FROM unnest($3::text[], $4::int[], $5::int[], $6::int[]) AS n(epoch, persisted, bulk_persisted, rejected)
    UNION ALL SELECT epoch, 0, 0, 0, ${standingSql('-', 'standing')} FROM ended`)}`

const lockSql = `SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || '.' || $1, 0))`

/** The epoch under which a version is counted: what cannot be one is as good as none. */
export const epochOf = (epoch: unknown): string =>
  typeof epoch === 'string' && /^[\w.:-]{1,64}$/.test(epoch) ? epoch : ''

/** Counts, in the transaction that persists, what of a batch is new. @param bulk the id of the bulk that they are */
export const countPersisted =
  (collection: string, bulk?: string): Also =>
  async (session, chains, outcomes) => {
    const persisted = new Map<string, number>()
    const ended = bulk === undefined ? [] : [bulk]
    for (const [at, chain] of chains.entries())
      for (const [nth, version] of chain.entries()) {
        const outcome = outcomes[at]?.[nth]
        if (outcome === undefined || outcome === 'conflict') continue
        ended.push(version.hash)
        if (!isNew(outcome)) continue
        const epoch = epochOf(version.epoch)
        persisted.set(epoch, (persisted.get(epoch) ?? 0) + 1)
      }
    if (ended.length === 0) return
    const counts = [...persisted.values()]
    const none = counts.map(() => 0)
    const values = [collection, ended, [...persisted.keys()], counts, bulk === undefined ? none : counts, none]
    await session.query({ name: 'account-end', text: endSql, values })
  }

const isNew = (outcome: Outcome) => outcome === 'inserted' || outcome === 'updated' || outcome === 'superseded'

/**
 * Stores that a bulk was rolled back, and counts its members as rejected; false if it has an outcome already. It takes the lock
 * of the collection, as what commits the bulk does.
 */
export async function storeRejected(
  database: Database,
  { collection, ...bulk }: Omit<Bulk, 'outcome'> & { collection: string },
): Promise<boolean> {
  return await database.transaction(async (session) => {
    await session.query({ text: lockSql, values: [collection] })
    if (!(await storeBulk(session, { ...bulk, outcome: 'rolled_back' }))) return false
    const values = [collection, [bulk.id], [''], [0], [0], [bulk.members]]
    await session.query({ name: 'account-end', text: endSql, values })
    return true
  })
}

/**
 * Counts what these rows of the ledger are about as what they stand for now. In the transaction that changed them, at its end: it
 * takes the lock of the collection, so that what is persisted at the same time is seen here or sees this.
 */
export async function countParked(session: Session, collection: string, rows: number[]): Promise<void> {
  const [table, history] = [escapeIdentifier(collection), escapeIdentifier(`${collection}_history`)]
  await session.query({ text: lockSql, values: [collection] })
  await session.query({
    name: `${collection}-account-parked`,
    text: `WITH named AS (
        SELECT DISTINCT ON (subject) * FROM parked WHERE collection = $1 AND n = ANY($2) ORDER BY subject, epoch DESC),
      found AS (
        SELECT n.subject, coalesce(nullif(was.epoch, ''), n.epoch) AS epoch, was.epoch AS was_epoch, was.standing AS was,
          CASE WHEN was.standing = 'ended'
              OR EXISTS (SELECT 1 FROM ${table} t WHERE t.id = n.id AND t.hash = n.hash)
              OR EXISTS (SELECT 1 FROM ${history} h WHERE h.id = n.id AND h.version = n.version AND h.hash = n.hash)
              OR EXISTS (SELECT 1 FROM bulks b WHERE b.id = n.id) THEN 'ended'
            ELSE (SELECT lower(p.state) FROM parked p WHERE p.collection = $1 AND p.subject = n.subject
              ORDER BY p.state = 'PARKED' DESC, p.ended_at DESC LIMIT 1) END AS standing
        FROM named n LEFT JOIN parked_subjects was ON was.collection = $1 AND was.subject = n.subject),
      kept AS (
        INSERT INTO parked_subjects (collection, subject, epoch, standing) SELECT $1, subject, epoch, standing FROM found
        ON CONFLICT (collection, subject) DO UPDATE SET epoch = excluded.epoch, standing = excluded.standing)
      ${addSql(`SELECT epoch, 0 AS persisted, 0 AS bulk_persisted, 0 AS rejected, ${standingSql('+', 'standing')} FROM found
        UNION ALL SELECT was_epoch, 0, 0, 0, ${standingSql('-', 'was')} FROM found WHERE was IS NOT NULL`)}`,
    values: [collection, rows],
  })
}

/** The accounts of a collection, as of one moment. @param epoch the one in force */
export async function readAccounts(session: Session, collection: string, epoch: string): Promise<Accounts> {
  const rows = await session.query<Account & { period: keyof Accounts }>({
    name: 'accounts',
    text: `SELECT CASE epoch WHEN '' THEN 'uncached' WHEN $2 THEN 'epoch' ELSE 'earlier' END AS period,
        ${names.map((name) => `sum(${name})::bigint AS ${name}`).join(', ')}
      FROM accounting WHERE collection = $1 GROUP BY 1`,
    values: [collection, epoch],
  })
  const of = (wanted: keyof Accounts): Account => {
    const { period: _, ...account } = rows.find(({ period }) => period === wanted) ?? { period: wanted, ...zero }
    return account
  }
  return { epoch: of('epoch'), uncached: of('uncached'), earlier: of('earlier') }
}

const zero: Account = { persisted: 0, bulk_persisted: 0, rejected: 0, parked: 0, replayed: 0, discarded: 0 }
