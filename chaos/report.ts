import type { Outcome } from './results.ts'
import { isGreen } from './results.ts'

/** Most violations of one outcome that are printed. */
const shownMax = 12

/** One outcome in a line. */
export function lineOf(outcome: Outcome): string {
  const { scenario, seed, calls, accepted, refused, unanswered, parked, recovery_s, memory_mb } = outcome
  const recovery = recovery_s === undefined ? 'never quiet' : `quiet after ${recovery_s.toFixed(1)} s`
  const parkedText = parked === 0 ? '' : `, ${parked} parked`
  const verdict = isGreen(outcome) ? 'ok    ' : 'BROKEN'
  return `${verdict} ${scenario} (seed ${seed}): ${calls} calls, ${accepted} accepted, ${refused} answered 503, ${unanswered} not answered${parkedText}; ${recovery}; ${memory_mb} MB at most`
}

/** What was broken, and how to run it again. */
export function brokenText({ scenario, seed, violations, history }: Outcome, options: string): string {
  const more = violations.length - shownMax
  return [
    ...violations.slice(0, shownMax).map(({ invariant, says }) => `  ${invariant}: ${says}`),
    ...(more > 0 ? [`  and ${more} more`] : []),
    `  history: ${history}`,
    `  again:   npm run chaos -- --scenario ${scenario} --seed ${seed}${options}`,
  ].join('\n')
}
