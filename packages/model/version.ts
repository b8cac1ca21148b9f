import type { Collection, Content, Fields, StoredRecord } from './collection.ts'
import { Forbidden } from './errors.ts'
import { hashOf } from './hash.ts'

/** A keyed write that a record remembers: which key (as a UUIDv5 of caller and key), what it asked for, which version it made. */
export interface KeyUse {
  key: string
  fingerprint: string
  version: number
}

/** How many keyed writes a record remembers with itself; older ones are found in its history. */
export const keysMax = 16

/** One version of a record: its JSON text, printed once and passed on as it is, and what identifies it. */
export interface Version {
  id: string
  version: number
  /** Hash of the text and the parent's hash. */
  hash: string
  /** Hash of the version it was built on; null for the first. */
  parent: string | null
  text: string
  /** Whether it is a tombstone. */
  deleted: boolean
  /** The keyed writes in its past, newest last. */
  keys: KeyUse[]
  /** The epoch of the cache in which it was accepted; absent: the cache had no part in it. */
  epoch?: string | undefined
}

/** The version on which another is built. */
export interface Base extends Version {
  record: StoredRecord
}

/** The first version of a record. `now` is RFC 3339 in UTC. */
export function firstVersion<F extends Fields>(
  c: Collection<F>,
  { id, content, now, key }: { id: string; content: Content<F>; now: string; key?: Omit<KeyUse, 'version'> },
): Version {
  const text = print(c, { id, version: 1, status: c.status.first, content, created_at: now, updated_at: now })
  const keys = key === undefined ? [] : [{ ...key, version: 1 }]
  return { id, version: 1, hash: hashOf(text, null), parent: null, text, deleted: false, keys }
}

/**
 * The version after `base`, or undefined if nothing would change.
 * @throws Forbidden if the status does not allow the step.
 */
export function nextVersion<F extends Fields>(
  c: Collection<F>,
  base: Base,
  change: { content: Content<F>; status: string | undefined; now: string; key?: Omit<KeyUse, 'version'> },
): Version | undefined {
  const { record } = base
  const status = change.status ?? record.status
  if (status !== record.status && !c.status.allows(record.status, status)) {
    const open = c.status.after(record.status)
    const may = open.length === 0 ? 'no further step' : open.join(' or ')
    throw new Forbidden('step-not-allowed', `From ${record.status} the ${c.title} may go to ${may}, not to ${status}.`)
  }
  if (status === record.status && c.fieldNames.every((name) => change.content[name] === record[name])) return undefined
  return after(c, base, { content: change.content, status, now: change.now, key: change.key })
}

/** The tombstone after `base`. */
export function tombstone(c: Collection, base: Base, now: string, key?: Omit<KeyUse, 'version'>): Version {
  return after(c, base, {
    content: base.record as unknown as Content<Fields>,
    status: base.record.status,
    now,
    key,
    deleted_at: now,
  })
}

interface After<F extends Fields> {
  content: Content<F>
  status: string
  now: string
  key: Omit<KeyUse, 'version'> | undefined
  deleted_at?: string
}

function after<F extends Fields>(
  c: Collection<F>,
  base: Base,
  { content, status, now, key, deleted_at }: After<F>,
): Version {
  const version = base.version + 1
  const { id, created_at } = base.record
  const dates = { created_at, updated_at: now, ...(deleted_at === undefined ? {} : { deleted_at }) }
  const text = print(c, { id, version, status, content, ...dates })
  return {
    id,
    version,
    hash: hashOf(text, base.hash),
    parent: base.hash,
    text,
    deleted: deleted_at !== undefined,
    keys: key === undefined ? base.keys : [...base.keys, { ...key, version }].slice(-keysMax),
  }
}

interface Printed<F extends Fields> {
  id: string
  version: number
  status: string
  content: Content<F>
  created_at: string
  updated_at: string
  deleted_at?: string
}

/** The JSON text of a stored record, whatever else `row` holds beside it. */
export function recordText(c: Collection, row: Record<string, string | number | null>): string {
  const { id, version, status, created_at, updated_at, deleted_at } = row as unknown as StoredRecord
  const content = row as Content<Fields>
  return print(c, {
    id,
    version,
    status,
    content,
    created_at,
    updated_at,
    ...(deleted_at == null ? {} : { deleted_at }),
  })
}

/** The JSON text of a record: members always in the same order, so that equal records have equal hashes. */
function print<F extends Fields>(c: Collection<F>, { content, ...r }: Printed<F>): string {
  const record: Record<string, unknown> = { id: r.id, version: r.version, status: r.status }
  for (const name of c.fieldNames) record[name] = content[name]
  record['created_at'] = r.created_at
  record['updated_at'] = r.updated_at
  if (r.deleted_at !== undefined) record['deleted_at'] = r.deleted_at
  return JSON.stringify(record)
}
