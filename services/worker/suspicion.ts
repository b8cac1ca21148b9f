import { BadData, Doubtful, type Unavailable } from '@ordermill/model'
import { withDeadline } from './deadline.ts'
import type { Hold } from './holding.ts'
import { backoff_ms, pause } from './waiting.ts'

interface SuspicionParts {
  /** Writes something else where the attempt writes, under the same locks and timeouts. */
  probe(signal: AbortSignal): Promise<void>
  /** How many records an attempt is of. */
  records: number
  /** Deadline of an attempt, in milliseconds. */
  deadline_ms: number
  signal: AbortSignal
  hold: Hold
}

/** Failures in a row beside which a probe passed, after which it is the data: of several records, and of one that is alone. */
const failuresOfMany = 2
const failuresOfOne = 4

/** A probe that takes longer than this part of the deadline says that the server is slow, not that the data is bad. */
const quick = 1 / 4

/**
 * Judges failures of one attempt: after some in a row it is the data that makes Postgres fail.
 * A failure counts if it can be the doing of a record at all (packages/database/failure.ts: no lock, no deadlock, no lost connection,
 * no full disk can) and a probe passes right after it, quickly. Anything else starts the count anew. After a probe that passed the
 * next attempt follows at once, so that every failure but the first stands between two probes that passed: an outage would have to
 * begin after one and end before the next, each time. Of many records that costs nothing but halving them. One that is alone has to
 * fail twice as often, with a pause in between.
 * @returns what to ask about each failure: it throws BadData `unpersistable`, with the last failure as reason
 */
export function createSuspicion({ probe, records, deadline_ms, signal, hold }: SuspicionParts) {
  let failures = 0
  const passes = (): Promise<boolean> =>
    withDeadline(deadline_ms * quick, signal, probe).then(
      () => true,
      () => false,
    )
  return async (error: Unavailable): Promise<boolean> => {
    if (!(error instanceof Doubtful) || !(await passes())) {
      failures = 0
      return false
    }
    hold.works()
    failures += 1
    if (failures >= (records > 1 ? failuresOfMany : failuresOfOne))
      throw new BadData('unpersistable', `${error.code}: ${error.message}`, { cause: error })
    if (failures % 2 === 0) await pause(backoff_ms(failures), signal)
    return true
  }
}
