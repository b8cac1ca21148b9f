import { type Cached, type Dirty, type Marked, type RecordCache, readThrough } from '@ordermill/cache'
import { createReader, readReceipt, type Session, type StoredReceipt } from '@ordermill/database'
import { type Collection, NotFound, Unavailable } from '@ordermill/model'
import type { Searcher } from '@ordermill/search'

/** ok: it has the record; none: it answers, and has not; away: it does not answer; off: there is none. */
export type StoreState = 'ok' | 'none' | 'away' | 'off'

/** What a store holds of a record. */
export interface Held {
  state: StoreState
  version: number | null
  deleted: boolean | null
}

/** Where each version of a record is. */
export interface Receipt {
  /** The newest version that any store knows. */
  version: number
  /** What is known to have become of that version. */
  status: 'processing' | 'persisted' | 'indexed' | 'parked'
  cache: Held
  postgres: Held
  /** `current`: what the database holds can be found; null: not known. */
  index: Held & { current: boolean | null }
  /** null: the cache is away. */
  dirty: { version: number; mark: Marked['mark']; since: string }[] | null
  /** null: the database is away. */
  parked: StoredReceipt['parked'] | null
}

interface Parts {
  collection: Collection
  cache: Pick<RecordCache, 'read' | 'fill' | 'moment'>
  dirty: Pick<Dirty, 'ofRecord'>
  database: Session
  searcher: Pick<Searcher, 'locate'> | undefined
}

/**
 * Gives the receipt of a record. A store that is away is said to be.
 * @throws NotFound if all answered and none knows it; Unavailable if none that answered does
 */
export function createReceipts({
  collection,
  cache,
  dirty,
  database,
  searcher,
}: Parts): (id: string) => Promise<Receipt> {
  const { title } = collection
  const reader = createReader(database, collection)
  return async (id) => {
    const [cached, stored, found] = await Promise.all([
      asked(cache.read(id)),
      asked(readReceipt(database, collection, id)),
      searcher === undefined ? undefined : asked(searcher.locate(id)),
    ])
    const standing = stored.value?.standing
    const parkedVersions = stored.value?.parked.map(({ version }) => version ?? 0) ?? []
    const newest = Math.max(
      cached.value?.version ?? 0,
      standing?.version ?? 0,
      found?.value?.version ?? 0,
      ...parkedVersions,
    )
    const marks = cached.away ? undefined : await asked(dirty.ofRecord(id, Math.max(1, newest)))
    const version = Math.max(newest, ...(marks?.value ?? []).map((mark) => mark.version))
    const isAway = cached.away || stored.away || marks?.away === true || found?.away === true
    if (version === 0) {
      // What came in meanwhile is found when the caller asks again.
      const known = isAway ? undefined : (await asked(readThrough(cache, id, () => reader.read(id)))).value
      if (known === undefined || known.behind || known.version !== undefined)
        throw new Unavailable('store-away', `The stores that answer do not know the ${title}; not all of them do.`)
      throw new NotFound(`The ${title} ${id}`)
    }
    const receipt = {
      version,
      cache: heldBy(cached, cached.value),
      postgres: heldBy(stored, standing),
      index: {
        ...(found === undefined ? { state: 'off' as const, version: null, deleted: null } : heldBy(found, found.value)),
        current: currentOf(stored, found),
      },
      dirty:
        marks?.value?.map(({ since_ms, ...one }) => ({
          version: one.version,
          mark: one.mark,
          since: new Date(since_ms).toISOString(),
        })) ?? null,
      parked: stored.value?.parked.map(told) ?? null,
    }
    return { ...receipt, status: statusOf(receipt, cached.value) }
  }
}

interface Asked<T> {
  away: boolean
  value: T | undefined
}

/** An answer, or that there is none. */
async function asked<T>(answer: Promise<T>): Promise<Asked<T>> {
  try {
    return { away: false, value: await answer }
  } catch (thrown) {
    if (!(thrown instanceof Unavailable)) throw thrown
    return { away: true, value: undefined }
  }
}

const heldBy = ({ away }: Asked<unknown>, held: { version: number; deleted: boolean } | undefined): Held => ({
  state: away ? 'away' : held === undefined ? 'none' : 'ok',
  version: held?.version ?? null,
  deleted: held?.deleted ?? null,
})

/** Whether what stands in the database can be found: documents carry the number of the change that they are of. */
function currentOf(
  { value: stored }: Asked<StoredReceipt>,
  found: Asked<{ change_seq: number } | undefined> | undefined,
): boolean | null {
  if (found === undefined || found.away || stored?.standing === undefined) return null
  return (found.value?.change_seq ?? 0) >= stored.standing.change_seq
}

/** Persisted is what the database has, or what the cache has and does not hold for dirty. */
function statusOf(receipt: Omit<Receipt, 'status'>, cached: Cached | undefined): Receipt['status'] {
  const { version, postgres, index, dirty, parked } = receipt
  if ((postgres.version ?? 0) >= version) return index.current === true ? 'indexed' : 'persisted'
  if (parked?.some((one) => one.version === version && one.state === 'PARKED')) return 'parked'
  const mark = dirty?.find((one) => one.version === version)
  if (mark !== undefined) return mark.mark === 'parked' ? 'parked' : 'processing'
  if (postgres.state !== 'away') return 'processing'
  return cached?.version === version || index.version === version ? 'persisted' : 'processing'
}

/** What a client is told: never the text of a database. */
const told = (one: StoredReceipt['parked'][number]) => ({
  ...one,
  reason: one.code.startsWith('sql-') ? 'the database refuses this version' : one.reason,
})
