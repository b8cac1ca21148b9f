import type { Version } from '@ordermill/model'
import type { Entry } from './entry.ts'

/** What became of a version that was to be accepted. */
export type Accepted =
  | {
      outcome: 'accepted'
      epoch: string
      /** How many versions right before it have not reached the broker yet: those go first. */
      unsentBefore: number
    }
  /** Another version stands; `base` was not it. */
  | { outcome: 'exists' }
  /** The base is not cached. */
  | { outcome: 'absent' }
  /** As many records are dirty as may be. Nothing was written. */
  | { outcome: 'limit' }

/** A dirty version: accepted, not yet known to be in Postgres. */
export interface DirtyMark {
  id: string
  version: number
}

/** A version by what tells it from every other, forks included. */
export interface Identified extends DirtyMark {
  hash: string
}

/** What a cached copy is worth. */
export interface Cached extends Entry {
  /** Of the epoch in force: nothing newer was forgotten. Else it has to be held against what Postgres has. */
  current: boolean
}

/** What is to be served after a miss. */
export interface Filled {
  version: Version | undefined
  /** Postgres may have lacked something that was accepted: this may be an older version, or none where there is one. */
  behind: boolean
  /** It has caught up by now: asked again, it knows. */
  again?: true
}

/** What a process knows of the cache when it asks Postgres. */
export interface Moment {
  /** The epoch in force; '' if the cache did not say, which none ever is. */
  epoch: string
  /** Whether Postgres has all that was accepted before this epoch. */
  caughtUp: boolean
  /** Ends when a version is settled: what Postgres said before may be old. */
  token: string
}

/** The version that another one is built on. */
export interface Base {
  version: number
  hash: string
  /** In which it was found to stand. */
  epoch?: string | undefined
}

/** The cache of one collection. Every method throws Unavailable (`cache-away`) when Redis does not answer. */
export interface RecordCache {
  /**
   * Accepts `version`, built on `base`. One atomic step, never undone. `epoch` is the one in which the base was found to stand: in a
   * later one it may be forgotten what stood on it, and it has to be looked at again ('exists'). A first version has none; where its
   * id may have been used before, the moment at which Postgres had nothing goes in its place, and has to last.
   * @throws Unavailable `outcome-open` when Redis may have done it without our hearing of it.
   */
  accept(version: Version, base?: Base | Moment): Promise<Accepted>
  /** Whether what was accepted of a record in this epoch would survive the loss of its Redis, as far as there are replicas. */
  copied(id: string, epoch: string): Promise<boolean>
  /**
   * How many versions of a record, up to this one without a gap, the broker may lack; undefined: the epoch in which it was found to
   * stand is over, and so may it be.
   */
  unsentUpTo(mark: DirtyMark & { epoch: string }): Promise<number | undefined>
  /** The broker has these. */
  markSent(marks: DirtyMark[]): Promise<void>
  /** Postgres has these; gives how many were dirty. */
  settle(versions: Identified[]): Promise<number>
  /**
   * These were set aside: their marks become `parked`, which no limit counts and no flusher touches, until they are settled or
   * discarded. Gives how many marks there were.
   */
  park(versions: Identified[]): Promise<number>
  /** This one is given up: its mark goes, and its cached copy, so that what Postgres has is read again. */
  discard(version: Identified): Promise<void>
  read(id: string): Promise<Cached | undefined>
  /** Several at once, in the order asked for: one command, in a cluster one a bucket, all sent together. */
  readMany(ids: string[]): Promise<(Cached | undefined)[]>
  /**
   * Offers what Postgres gave (undefined: nothing) where `read` gave nothing, or nothing current. `moment` is from before Postgres was
   * asked: after another epoch has begun who knows what is newer may be forgotten, and what Postgres said before it caught up, or before
   * a newer version was settled, may be old. Nothing is kept then.
   */
  fill(id: string, stored: Version | undefined, moment: Moment): Promise<Filled>
  /** To be asked before Postgres is asked for a record, and told to `fill` and `accept`. */
  moment(id: string): Promise<Moment>
  /** How many are dirty: those the broker does not have, those it has, and how old the oldest of these is; parked ones apart. */
  dirty(): Promise<{ unsent: number; sent: number; parked: number; oldest_ms: number }>
  /** Up to `limit` marks older than `age_ms`, per mark and bucket oldest first. */
  marksOlderThan(mark: 'unsent' | 'sent', age_ms: number, limit: number): Promise<DirtyMark[]>
  /** The version of a mark, as long as it is dirty. */
  readVersion(mark: DirtyMark): Promise<Entry | undefined>
  /** The epoch in force, when it was opened (RFC 3339), and how many versions were accepted in it. */
  period(): Promise<{ epoch: string; since: string; accepted: number }>
  /** Looks whether the epoch is still the same, and opens one where that is due. */
  checkEpoch(): Promise<string>
  /** A version was accepted without the cache: what it does not have may be on its way all the same. */
  bypassed(): void
}
