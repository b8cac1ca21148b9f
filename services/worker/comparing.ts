import { hash } from 'node:crypto'
import type { Change, RowsInOrder } from '@ordermill/database'
import { fingerprint, Unavailable } from '@ordermill/model'
import type { Documents, IndexedDocument } from '@ordermill/search'
import { pause } from './waiting.ts'

/** How Postgres and an index differ about one id. */
export type Difference =
  /** There is a row and no document. */
  | { kind: 'missing'; id: string; row: Change }
  /** The document is not what the row says, or not of its change. */
  | { kind: 'different'; id: string; row: Change; document: IndexedDocument }
  /** There is a document and no row. */
  | { kind: 'extra'; id: string; document: IndexedDocument }

/** What was compared of one range of ids. */
export interface ComparedRange {
  /** The last row of it: one may go on after it. Undefined while there was none. */
  to: string | undefined
  rows: number
  documents: number
  /** Of all that each side has: equal if the sides are. */
  checksums: { rows: string; documents: string }
  /** Those that are still there after the follower has passed: what is merely on its way is none. */
  differences: Difference[]
}

export interface CompareParts {
  rows: RowsInOrder
  documents: Documents
  /** The number of the change that the index was followed to. */
  passed(): Promise<number>
  /** The rows that the engine will never take at the change at which they stand: they are known to be missing. */
  rejected(ids: string[]): Promise<{ id: string; change_seq: number }[]>
}

interface CompareOptions {
  /** Goes on after this id. */
  after?: string | undefined
  /** Most rows, and most documents, of a range. */
  page?: number
}

/** How often is looked whether the follower has passed, and for how long at most. */
const look_ms = 50
/** What a row may be called, whoever wrote it; its document is called the same. */
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const patience_ms = 60_000

/**
 * Compares a table with an index, range of ids by range of ids: count and checksum of both, and where these differ every id.
 * What each side says is read and hashed here, the number of the change included. Both are read a page at a time.
 * @throws Unavailable
 */
export async function* compareInOrder(
  parts: CompareParts,
  { after, page = 1_000 }: CompareOptions,
  signal: AbortSignal,
): AsyncGenerator<ComparedRange> {
  if (after === undefined) {
    const nameless = (await parts.documents.nameless(page)).map(ofDocument)
    if (nameless.length > 0) yield await compared([], nameless, after, parts, signal)
  }
  const rows = inPages(after, page, async (from) => (await parts.rows.after(from, page)).map(ofRow))
  const documents = inPages(after, page, async (from, upTo) => {
    return (await parts.documents.after(from, page, upTo)).map((one) => ({ ...ofDocument(one), key: one.key }))
  })
  let to = after
  while (!signal.aborted) {
    const lastRow = await rows.last()
    const lastDocument = await documents.last(lastRow) // the engine looks through all that it is asked for: no further than the rows
    const end = [lastRow, lastDocument].filter((key) => key !== undefined).sort()[0]
    const [ofRows, ofDocuments] = [rows.takeTo(end), documents.takeTo(end)]
    to = ofRows.at(-1)?.key ?? to
    if (ofRows.length + ofDocuments.length > 0) yield await compared(ofRows, ofDocuments, to, parts, signal)
    if (end === undefined) return
  }
}

/** One side of an id: what is there, as a hash of its content and of the number of its change. */
interface Side {
  /** Where it stands in the order. */
  key: string
  id: string
  digest: string
}
const ofRow = ({ id, change_seq, text }: Change): Side => ({
  key: id,
  id,
  digest: fingerprint(String(change_seq), JSON.parse(text)),
})
const ofDocument = ({ id, change_seq, source }: IndexedDocument): Side => ({
  key: id,
  id,
  digest: fingerprint(String(change_seq), source),
})
const checksum = (sides: Side[]): string =>
  hash('sha256', sides.map(({ id, digest }) => `${id} ${digest}\n`).join(''), 'base64url')

/** Reads on where it is empty; what was not taken is kept for the next range. */
function inPages(
  after: string | undefined,
  page: number,
  read: (after: string | undefined, upTo: string | undefined) => Promise<Side[]>,
) {
  let from = after
  let held: Side[] = []
  let more = true
  return {
    /** The key up to which everything is held; undefined: everything is. Reads no further than `upTo`. */
    async last(upTo?: string): Promise<string | undefined> {
      if (held.length === 0 && more) {
        held = await read(from, upTo)
        const isFull = held.length === page
        more = isFull || upTo !== undefined
        from = isFull ? held.at(-1)?.key : upTo
      }
      return more ? from : undefined
    },
    /** Takes what is up to this key; all that is held if absent. */
    takeTo(key: string | undefined): Side[] {
      const found = key === undefined ? -1 : held.findIndex((one) => one.key > key)
      const taken = held.slice(0, found < 0 ? held.length : found)
      held = held.slice(taken.length)
      return taken
    },
  }
}

async function compared(
  rows: Side[],
  documents: Side[],
  to: string | undefined,
  parts: CompareParts,
  signal: AbortSignal,
): Promise<ComparedRange> {
  const checksums = { rows: checksum(rows), documents: checksum(documents) }
  const suspects = checksums.rows === checksums.documents ? [] : unequal(rows, documents)
  const differences = await differencesOf(suspects, parts, signal)
  return { to, rows: rows.length, documents: documents.length, checksums, differences }
}

function unequal(rows: Side[], documents: Side[]): string[] {
  const left = new Map(rows.map(({ id, digest }) => [id, digest]))
  const others = documents.flatMap(({ id, digest }) => {
    const isEqual = left.get(id) === digest
    if (isEqual) left.delete(id)
    return isEqual ? [] : [id]
  })
  return [...new Set([...left.keys(), ...others])]
}

/**
 * In what Postgres and the index differ about these ids once the follower has passed the changes at which the rows stand. What changes
 * all the time is never judged, and is no difference.
 * @throws Unavailable `follower-behind` if it does not come to pass them
 */
export async function differencesOf(ids: string[], parts: CompareParts, signal: AbortSignal): Promise<Difference[]> {
  const found: Difference[] = []
  const until = performance.now() + patience_ms
  let open = ids
  while (open.length > 0 && !signal.aborted) {
    const passed = await parts.passed()
    const names = open.filter((id) => uuid.test(id))
    const before = byId(await parts.rows.read(names))
    const documents = byId(await parts.documents.read(open))
    const after = byId(await parts.rows.read(names))
    const judged = (id: string) => {
      const row = after.get(id)
      return row === undefined
        ? !before.has(id)
        : row.change_seq <= passed && before.get(id)?.change_seq === row.change_seq
    }
    found.push(...open.filter(judged).flatMap((id) => differenceOf(id, after.get(id), documents.get(id))))
    open = open.filter((id) => !judged(id))
    if (open.length === 0) break
    if (performance.now() > until) {
      if (open.some((id) => (before.get(id)?.change_seq ?? 0) <= passed)) break
      throw new Unavailable('follower-behind', 'The follower does not come to pass what is to be compared.')
    }
    await pause(look_ms, signal)
  }
  const rows = found.flatMap((one) => (one.kind === 'extra' ? [] : [one.row]))
  const known = new Map((await parts.rejected(rows.map(({ id }) => id))).map((one) => [one.id, one.change_seq]))
  return found.filter((one) => one.kind === 'extra' || known.get(one.id) !== one.row.change_seq)
}

const byId = <T extends { id: string }>(all: T[]): Map<string, T> => new Map(all.map((one) => [one.id, one]))

function differenceOf(id: string, row: Change | undefined, document: IndexedDocument | undefined): Difference[] {
  if (row === undefined) return document === undefined ? [] : [{ kind: 'extra', id, document }]
  if (document === undefined) return [{ kind: 'missing', id, row }]
  return ofRow(row).digest === ofDocument(document).digest ? [] : [{ kind: 'different', id, row, document }]
}
