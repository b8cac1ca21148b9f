import type { Call, Head } from '../load/history.ts'

/** A version that is persisted: standing or superseded. */
export interface Stored {
  id: string
  version: number
  hash: string
  parent: string | null
  /** Of the one that stands; null: it was superseded. */
  change_seq: number | null
  record: Record<string, unknown>
}

export interface ParkedRow {
  n: number
  id: string | null
  version: number | null
  hash: string | null
  code: string
  reason: string
  state: string
  body: string
  parent: string | null
}

/** A record under its change number: as Postgres has it, or as search has it. */
export interface Document {
  id: string
  change_seq: number
  record: Record<string, unknown>
}

export interface Cached {
  /** With `:version` behind it where it was replaced before the broker had it. */
  id: string
  version: number
  hash: string
  /** Whether it leaves by itself. */
  expires: boolean
  /** Whether it is of the epoch in force: others are not served as they are. */
  in_force: boolean
}

export interface Refreshed {
  as_of_ms: number
  duration_ms: number
  outcome: string
}

export interface Accounting {
  exact: boolean
  difference: number
  in_flight: number
}

/** All that is known after a scenario. Checks look at this alone. */
export interface Evidence {
  head: Head
  /** Whether any request may have been refused or lost. */
  mayFail: boolean
  calls: Call[]
  stored: Stored[]
  /** Rows that this scenario had no business with: how many there were, and how many have not changed since. */
  untouched: { before: number; after: number }
  parked: ParkedRow[]
  rows: Document[]
  documents: Document[]
  cached: Cached[]
  dirty: { unsent: number; sent: number; parked: number }
  accounting: Accounting
  accounted: { persisted: number; stored: number }
  /** MB by service. */
  memory: Record<string, number>
  /** Services that died though nobody killed them. */
  dead: string[]
  /** Seconds from healing to quiet; undefined: it never was, and what was still going on. */
  recovery_s: number | undefined
  open: string | undefined
  refreshes: Refreshed[]
  /** What was answered, if the view could not be refreshed. */
  unrefreshed: string | undefined
  viewDifferences: number
}

/** A promise that was broken. */
export interface Violation {
  invariant: string
  says: string
}

/** Finds where a promise was broken. */
export type Check = (evidence: Evidence) => Violation[]
