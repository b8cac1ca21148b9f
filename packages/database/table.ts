import { BadData, type Collection, type Version } from '@ordermill/model'
import { columnsOf, recordSql } from './columns.ts'
import { sqlComment } from './comment.ts'
import type { Database, Session } from './database.ts'
import { type Chain, decide, type Outcome, type Standing } from './decide.ts'
import { databaseFailure } from './failure.ts'
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

/** What else has to happen in the same transaction, with the outcomes in hand. What it throws undoes everything. */
export type Also = (session: Session, chains: Chain[], outcomes: Outcome[][]) => Promise<void>

/** The table of a collection. */
export function createTable(database: Database, c: Collection): Table {
  const columns = columnsOf(c)
  const names = columns.map(({ name }) => name)
  const recordset = (alias: string) =>
    `json_to_recordset($1::json) AS ${alias}(${columns.map(({ name, type }) => `${name} ${type}`).join(', ')})`
  // A record that was made before a field was added takes the default that its column has.
  const given = (name: string) => {
    const fallback = columns.find((column) => column.name === name)?.fallback
    return fallback === undefined
      ? `r.${name}`
      : `coalesce(r.${name}, ${fallback === 'now()' ? 'r.created_at' : fallback})`
  }
  const insertSql = `INSERT INTO ${c.name} (${names.join(', ')}) SELECT ${names.map(given).join(', ')} FROM ${recordset('r')} ON CONFLICT (id) DO NOTHING RETURNING id`
  const changed = names.filter((name) => name !== 'id' && name !== 'created_at')
  const updateSql = `UPDATE ${c.name} t SET ${changed.map((name) => `${name} = ${given(name)}`).join(', ')}, change_seq = nextval('${c.name}_change_seq') FROM ${recordset('r')} WHERE t.id = r.id RETURNING t.id`
  const keepSql = `INSERT INTO ${c.name}_history (id, version, hash, parent, keys, body) SELECT t.id, t.version, t.hash, t.parent, t.keys, ${recordSql(c, 't')} FROM ${c.name} t WHERE t.id = ANY($1::uuid[]) ON CONFLICT DO NOTHING`
  const keepNewSql = `INSERT INTO ${c.name}_history (id, version, hash, parent, keys, body) SELECT (r->'body'->>'id')::uuid, (r->'body'->>'version')::int, r->>'hash', r->>'parent', nullif(r->'keys', 'null'), r->'body' FROM jsonb_array_elements($1::jsonb) AS r ON CONFLICT DO NOTHING`
  const begin = `BEGIN; SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || '.${c.name}', 0))`

  const insert = async (session: Session, winners: Version[]) => {
    const rows = await session.query<{ id: string }>({
      name: `${c.name}-insert`,
      text: insertSql,
      values: [rowsText(winners)],
    })
    return new Set(rows.map(({ id }) => id))
  }
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

  const applyIn = async (session: Session, chains: Chain[]): Promise<Outcome[][]> => {
    // Sorted ids: two writers that met in spite of the lock would not deadlock.
    const sorted = [...chains].sort(([a], [b]) => (a.id < b.id ? -1 : 1))
    const inserted = await insert(session, sorted.map(last))
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

  const applyAlso = async (session: Session, chains: Chain[], also: Also | undefined) => {
    const outcomes = await applyIn(session, chains)
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
    apply: (chains, signal, also, correlationId) =>
      // The comment is in the BEGIN: the statements after it stay prepared.
      database.transaction((session) => applyAlso(session, chains, also), {
        signal,
        begin: begin + sqlComment(correlationId),
      }),
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

/** One JSON parameter for a batch: the texts as they are, with what identifies each spliced in. Cheaper than any array of rows. */
const rowsText = (versions: Version[]) =>
  `[${versions.map((v) => `{"hash":"${v.hash}","parent":${v.parent === null ? 'null' : `"${v.parent}"`},"keys":${keysText(v)},${v.text.slice(1)}`).join()}]`

const historyText = (versions: Version[]) =>
  `[${versions.map((v) => `{"hash":"${v.hash}","parent":${v.parent === null ? 'null' : `"${v.parent}"`},"keys":${keysText(v)},"body":${v.text}}`).join()}]`

const keysText = ({ keys }: Version) => (keys.length === 0 ? 'null' : JSON.stringify(keys))
