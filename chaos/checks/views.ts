import type { Check, Violation } from './evidence.ts'

/** Its beginning is on record to the millisecond. */
const slack_ms = 1

/** I10: the view equals a recount, and no refresh began before the one before it had ended. */
export const viewEqualsRecount: Check = ({ viewDifferences, unrefreshed, refreshes }) => {
  const found: Violation[] = []
  if (unrefreshed !== undefined) found.push({ invariant: 'I10', says: `the view cannot be refreshed: ${unrefreshed}` })
  if (viewDifferences !== 0)
    found.push({ invariant: 'I10', says: `the view differs from a recount in ${viewDifferences} rows` })
  let ended_ms = Number.NEGATIVE_INFINITY
  for (const { as_of_ms, duration_ms } of refreshes.filter(({ outcome }) => outcome === 'refreshed')) {
    if (as_of_ms < ended_ms - slack_ms)
      found.push({
        invariant: 'I10',
        says: `a refresh began ${Math.round(ended_ms - as_of_ms)} ms before the one before it ended`,
      })
    ended_ms = Math.max(ended_ms, as_of_ms + duration_ms)
  }
  return found
}
