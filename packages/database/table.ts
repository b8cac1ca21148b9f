import { BadData, type Collection, Doubtful, type Version } from '@ordermill/model'
import { columnsOf, recordSql } from './columns.ts'
import { sqlComment } from './comment.ts'
import type { Database, Session } from './database.ts'
import { type Chain, decide, type Outcome, type Standing } from './decide.ts'
import { databaseFailure } from './failure.ts'
import { createInserting, givenOf, keysText, recordset, rowsText } from './inserting.ts'
import { chainFrom, samplesOf } from './probe.ts'

/** Where the persister writes. */
export interface Table {
  /**
   * Applies chains of different records in one transaction: all or none. Gives the outcome of every version, chain by chain.
   * `correlationId` is told to Postgres: of the first of them.
   * @throws BadData if Postgres will never take one of them; Unavailable if it cannot now.
   */
  apply(chains: Chain[], signal: AbortSignal, also?: Also, correlationId?: string): Promise<Outcome[][]>
  /**
   * Hands `work` an `apply` that does the real thing in a transaction which is rolled back whatever happens: would it pass now?
   * After a refusal the next call starts from what the ones before it left.
   */
  tryOut<T>(
    signal: AbortSignal,
    work: (apply: (chains: Chain[]) => Promise<Outcome[][]>) => Promise<T>,
    also?: Also,
  ): Promise<T>
  /**
   * A small write that does all that `apply` does, under the same locks and timeouts, and commits: could something be persisted now?
   * It writes, updates and supersedes a record that nobody has and undoes that, triggers and `also` included, then commits a row of
   * its own: whatever keeps every record from being persisted (a lock, no space, read-only, a standby that confirms no commit, a
   * trigger that fails for all) makes this fail as well.
   * @throws what `apply` would; BadData if the table refuses even what stands in it
   */
  probe(signal: AbortSignal, also?: Also): Promise<void>
}

/** How chains are written: those that are thought to be new by COPY, all others by INSERT. */
interface Plan {
  sorted: Chain[]
  fresh: Chain[]
  /** What COPY reads of them. */
  input: string | undefined
  others: Chain[]
}

/** A record that begins here: only one that came again is there already. */
const isFresh = ([first]: Chain) => first.version === 1

/** What else has to happen in the same transaction, with the outcomes in hand. What it throws undoes everything. */
export type Also = (session: Session, chains: Chain[], outcomes: Outcome[][]) => Promise<void>

/** So many new records are copied: fewer are as well inserted. */
const copyMin = 32
/** So many batches after one that could not be copied are inserted. */
const waryFor = 20

/**
 * Whether what failed by COPY may go by INSERT: something that came again, or whatever should ever fail by COPY alone. Nothing is parked
 * before it was refused there. What took too long would take too long once more.
 */
const mayBeInserted = (thrown: unknown): boolean =>
  thrown instanceof BadData || (thrown instanceof Doubtful && thrown.code !== 'database-57014')

/** The table of a collection. */
export function createTable(database: Database, c: Collection): Table {
  const names = columnsOf(c).map(({ name }) => name)
  const inserting = createInserting(c)
  const changed = names.filter((name) => name !== 'id' && name !== 'created_at')
  const updateSql = `UPDATE ${c.name} t SET ${changed.map((name) => `${name} = ${givenOf(c, name)}`).join(', ')}, change_seq = nextval('${c.name}_change_seq') FROM ${recordset(c, 'r')} WHERE t.id = r.id RETURNING t.id`
  const keepSql = `INSERT INTO ${c.name}_history (id, version, hash, parent, keys, body) SELECT t.id, t.version, t.hash, t.parent, t.keys, ${recordSql(c, 't')} FROM ${c.name} t WHERE t.id = ANY($1::uuid[]) ON CONFLICT DO NOTHING`
  const keepNewSql = `INSERT INTO ${c.name}_history (id, version, hash, parent, keys, body) SELECT (r->'body'->>'id')::uuid, (r->'body'->>'version')::int, r->>'hash', r->>'parent', nullif(r->'keys', 'null'), r->'body' FROM jsonb_array_elements($1::jsonb) AS r ON CONFLICT DO NOTHING`
  let wary = 0
  const begin = `BEGIN; SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || '.${c.name}', 0))`

  const standing = async (session: Session, chains: Chain[]) => {
    const ids = chains.map(([first]) => first.id)
    const hashes = chains.flatMap((chain) => chain.map(({ hash }) => hash))
    const rows = await session.query<Standing & { id: string }>({
      name: `${c.name}-standing`,
      text: `SELECT id, version, hash, parent FROM ${c.name} WHERE id = ANY($1::uuid[])`,
      values: [ids],
    })
    const past = await session.query<{ id: string; hash: string; parent: string | null }>({
      name: `${c.name}-past`,
      text: `SELECT id, hash, parent FROM ${c.name}_history
        WHERE id = ANY($1::uuid[]) AND (hash = ANY($2::text[]) OR parent = ANY($2::text[]))`,
      values: [ids, hashes],
    })
    return {
      rows: new Map(rows.map((row) => [row.id, row])),
      past: new Set(past.map(({ id, hash }) => id + hash)),
      parents: new Set(past.map(({ id, parent }) => id + parent)),
    }
  }

  const planOf = (chains: Chain[], copies: boolean): Plan => {
    // Sorted ids: two writers that met in spite of the lock would not deadlock.
    const sorted = [...chains].sort(([a], [b]) => (a.id < b.id ? -1 : 1))
    const fresh = copies ? sorted.filter(isFresh) : []
    const input = fresh.length < copyMin ? undefined : inserting.copied(fresh.map(last))
    if (input === undefined) return { sorted, fresh: [], input, others: sorted }
    return { sorted, fresh, input, others: sorted.filter((chain) => !isFresh(chain)) }
  }

  const applyIn = async (session: Session, chains: Chain[], plan: Plan): Promise<Outcome[][]> => {
    const { sorted, fresh, input, others } = plan
    if (input !== undefined) await inserting.copy(session, input)
    const inserted = await inserting.insert(session, others.map(last))
    for (const [{ id }] of fresh) inserted.add(id)
    const met = sorted.filter(([first]) => !inserted.has(first.id))
    const { rows, past, parents } = met.length === 0 ? nothing : await standing(session, met)
    const decisions = new Map(
      sorted.map((chain) => {
        const { id } = chain[0]
        const ofOne = {
          has: (hash: string) => past.has(id + hash),
          hasChildOf: (hash: string) => parents.has(id + hash),
        }
        return [id, decide(chain, inserted.has(id) ? undefined : rows.get(id), ofOne)]
      }),
    )
    const updates = met.filter(([{ id }]) => decisions.get(id)?.write === 'update')
    const superseded = sorted.flatMap((chain) => {
      const decision = decisions.get(chain[0].id)
      return chain.filter((_, at) => decision?.outcomes[at] === 'superseded')
    })
    if (superseded.length > 0)
      await session.query({ name: `${c.name}-keep-new`, text: keepNewSql, values: [historyText(superseded)] })
    if (updates.length > 0) {
      await session.query({ name: `${c.name}-keep`, text: keepSql, values: [updates.map(([{ id }]) => id)] })
      const written = await session.query({
        name: `${c.name}-update`,
        text: updateSql,
        values: [rowsText(updates.map(last))],
      })
      if (written.length !== updates.length)
        throw new Error(`${updates.length} rows were to be updated, ${written.length} were`)
    }
    return chains.map(([{ id }]) => decisions.get(id)?.outcomes ?? [])
  }

  const applyAlso = async (session: Session, chains: Chain[], also?: Also, plan = planOf(chains, false)) => {
    const outcomes = await applyIn(session, chains, plan)
    await also?.(session, chains, outcomes)
    return outcomes
  }

  /** Applies a chain made of one of the samples, and undoes it: of the first that the table does not refuse. */
  const applySample = async (session: Session, also: Also | undefined) => {
    let refused: BadData | undefined
    for (const sample of await samplesOf(session, c)) {
      const [first, ...after] = chainFrom(sample)
      await session.query({ text: 'SAVEPOINT trial' })
      try {
        await applyAlso(session, [[first]], also)
        await applyAlso(session, [after], also)
        return void (await session.query({ text: 'ROLLBACK TO SAVEPOINT trial' }))
      } catch (thrown) {
        const failure = databaseFailure(thrown)
        if (!(failure instanceof BadData)) throw failure
        refused = failure
        await session.query({ text: 'ROLLBACK TO SAVEPOINT trial' })
      }
    }
    throw refused
  }

  return {
    async probe(signal, also) {
      const write = async (session: Session) => {
        await applySample(session, also)
        await session.query({
          text: 'INSERT INTO probes VALUES ($1, now()) ON CONFLICT (collection) DO UPDATE SET probed_at = now()',
          values: [c.name],
        })
      }
      await database.transaction(write, { signal, begin })
    },
    async apply(chains, signal, also, correlationId) {
      // The comment is in the BEGIN: the statements after it stay prepared.
      const options = { signal, begin: begin + sqlComment(correlationId) }
      const attempt = (plan: Plan) => database.transaction((session) => applyAlso(session, chains, also, plan), options)
      const plan = planOf(chains, wary === 0)
      if (wary > 0) wary -= 1
      try {
        return await attempt(plan)
      } catch (thrown) {
        if (plan.input === undefined || !mayBeInserted(thrown)) throw thrown
        wary = waryFor // where one came again, others do
        return await attempt(planOf(chains, false))
      }
    },
    async tryOut(signal, work, also) {
      const undo = new Error('tried out')
      let result: { value: Awaited<ReturnType<typeof work>> } | undefined
      const trial = async (session: Session): Promise<never> => {
        const value = await work(async (chains) => {
          await session.query({ text: 'SAVEPOINT trial' })
          try {
            return await applyAlso(session, chains, also)
          } catch (thrown) {
            await session.query({ text: 'ROLLBACK TO SAVEPOINT trial' })
            throw databaseFailure(thrown)
          }
        })
        result = { value }
        throw undo
      }
      try {
        return await database.transaction(trial, { signal, begin })
      } catch (thrown) {
        if (result === undefined) throw thrown
        return result.value
      }
    },
  }
}

/** Of records that nobody has yet. */
const nothing = { rows: new Map<string, Standing>(), past: new Set<string>(), parents: new Set<string>() }

const last = (chain: Chain): Version => chain[chain.length - 1] ?? chain[0]

const historyText = (versions: Version[]) =>
  `[${versions.map((v) => `{"hash":"${v.hash}","parent":${v.parent === null ? 'null' : `"${v.parent}"`},"keys":${keysText(v)},"body":${v.text}}`).join()}]`
