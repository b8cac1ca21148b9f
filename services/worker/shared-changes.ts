import type { Change, RecordReader } from '@ordermill/database'

type Stored = Pick<RecordReader, 'changesAfter' | 'lastChange'>

/** What was read is handed to others for so long, in milliseconds, and of the last pages so many. */
const kept_ms = 2_000
const pagesMax = 4

/** A stretch of the table in order of its changes: all that were visible above `after`, up to `to`. */
interface Page {
  after: number
  to: number
  changes: Change[]
  readAt: number
}

/**
 * Followers stand at almost the same place: what one of them has read the others get without asking again. Changes become visible in
 * order, so that nothing is ever added to what was read; a row that changed since comes again, under its new number.
 * One asks at a time. What was kept ends soon: somebody may have taken rows away by hand.
 * @param now milliseconds of a clock that only goes forward
 */
export function shareChanges(stored: Stored, now = () => performance.now()): Stored {
  let pages: Page[] = []
  let reading: Promise<unknown> = Promise.resolve()

  /** What is kept from right above `after` on, at most `limit`; undefined if nothing is. */
  const keptAfter = (after: number, limit: number): Change[] | undefined => {
    const found: Change[] = []
    let at = after
    for (let page = pageWith(at); page !== undefined && found.length < limit; page = pageWith(at)) {
      const from = at
      found.push(...page.changes.filter(({ change_seq }) => change_seq > from).slice(0, limit - found.length))
      at = page.to
    }
    return found.length === 0 ? undefined : found
  }
  const pageWith = (at: number) => pages.find(({ after, to }) => after <= at && at < to)

  const read = async (after: number, limit: number): Promise<Change[]> => {
    const oldest = now() - kept_ms
    pages = pages.filter(({ readAt }) => readAt >= oldest)
    const kept = keptAfter(after, limit)
    if (kept !== undefined) return kept
    const readAt = now()
    const changes = await stored.changesAfter(after, limit)
    const to = changes.at(-1)?.change_seq
    if (to !== undefined) pages = [...pages.slice(1 - pagesMax), { after, to, changes, readAt }]
    return changes
  }
  return {
    lastChange: stored.lastChange,
    changesAfter(after, limit) {
      const next = reading.then(() => read(after, limit))
      reading = next.catch(() => undefined)
      return next
    },
  }
}
