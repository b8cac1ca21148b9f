import type { RecordCache } from '@ordermill/cache'
import { type Account, type Accounts, readAccounts, type Session } from '@ordermill/database'

/** Whether what was accepted is accounted for: accepted = persisted + rejected + discarded + parked + in flight, in distinct versions. */
export interface Accounting {
  /** When the epoch of the cache began: what was accepted into the cache before that is not counted. RFC 3339. */
  since: string
  epoch: string
  /** Nothing was in flight, and two looks in a row agree. Else the numbers were read one after the other while they moved. */
  exact: boolean
  accepted: number
  persisted: number
  rejected: number
  discarded: number
  parked: number
  in_flight: number
  /** Accepted versions that are none of these. */
  difference: number
  /** Those of the persisted ones that came in bulks. */
  bulk_persisted: number
  /** Unless exact: from the least to the most that each may be. */
  bounds: { accepted: Range; in_flight: Range; difference: Range } | null
  /** Those of all these that were accepted without the cache (bulks among them), ever: counted when they end. */
  uncached: Standing
  /** What became of versions that were accepted in epochs before this one. */
  earlier: Standing
}
type Range = [least: number, most: number]
type Standing = Pick<Account, 'persisted' | 'rejected' | 'discarded' | 'parked'> & { in_flight: number }

interface Parts {
  collection: string
  cache: Pick<RecordCache, 'period' | 'dirty'>
  database: Session
}

/** How often it looks again because an epoch began between two reads. */
const looksMax = 3

/** Gives the accounting of a collection. @throws Unavailable when Redis or Postgres is away */
export function createAccounting({ collection, cache, database }: Parts): () => Promise<Accounting> {
  const marks = async () => {
    const { unsent, sent } = await cache.dirty()
    return unsent + sent
  }
  const look = async () => {
    for (let looks = 1; ; looks += 1) {
      const before = await cache.period()
      const marksBefore = await marks()
      const accounts = await readAccounts(database, collection, before.epoch)
      const marksAfter = await marks()
      const after = await cache.period()
      const isOne = before.epoch === after.epoch
      if (isOne || looks === looksMax)
        return { ...summed(accounts, [before.accepted, after.accepted], [marksBefore, marksAfter], after), isOne }
    }
  }
  return async () => {
    const { isOne, ...first } = await look()
    const isQuiet = isOne && first.bounds.in_flight[1] === 0 && first.bounds.accepted[0] === first.bounds.accepted[1]
    if (!isQuiet) return first
    const { isOne: _, ...second } = await look()
    if (JSON.stringify(first) !== JSON.stringify(second)) return second
    return { ...second, exact: true, bounds: null }
  }
}

/** Adds up what was read: versions accepted and marks, each before and after the accounts. */
function summed(
  { epoch: own, uncached, earlier }: Accounts,
  accepted: [before: number, after: number],
  marks: [before: number, after: number],
  { since, epoch }: { since: string; epoch: string },
) {
  const sum = (name: keyof Account) => own[name] + uncached[name]
  const ended = sum('persisted') + sum('rejected') + sum('discarded') + sum('parked')
  // What was accepted without the cache is known to be accepted by what became of it.
  const alone = uncached.persisted + uncached.rejected + uncached.discarded + uncached.parked + uncached.replayed
  const acceptedRange = rangeOf(accepted, alone)
  const flyingRange = rangeOf(marks, sum('replayed'))
  const in_flight = marks[1] + sum('replayed')
  return {
    since,
    epoch,
    exact: false,
    accepted: accepted[1] + alone,
    persisted: sum('persisted'),
    rejected: sum('rejected'),
    discarded: sum('discarded'),
    parked: sum('parked'),
    in_flight,
    difference: accepted[1] + alone - ended - in_flight,
    bulk_persisted: sum('bulk_persisted'),
    bounds: {
      accepted: acceptedRange,
      in_flight: flyingRange,
      difference: [acceptedRange[0] - ended - flyingRange[1], acceptedRange[1] - ended - flyingRange[0]] as Range,
    },
    uncached: standingOf(uncached),
    earlier: standingOf(earlier),
  }
}

const rangeOf = (ends: [number, number], more: number): Range => [Math.min(...ends) + more, Math.max(...ends) + more]

const standingOf = ({ persisted, rejected, discarded, parked, replayed }: Account): Standing => ({
  persisted,
  rejected,
  discarded,
  parked,
  in_flight: replayed,
})
