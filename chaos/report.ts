import { quantile } from '../bench/statistics.ts'
import type { Outcome } from './results.ts'
import { isGreen } from './results.ts'

/** Most violations of one outcome that are printed. */
const shownMax = 12

/** One outcome in a line. */
export function lineOf(outcome: Outcome): string {
  const { scenario, seed, calls, calls_per_s, accepted, refused, unanswered, parked, recovery_s, memory_mb } = outcome
  const recovery = recovery_s === undefined ? 'never quiet' : `quiet after ${recovery_s.toFixed(1)} s`
  const parkedText = parked === 0 ? '' : `, ${parked} parked`
  const verdict = isGreen(outcome) ? 'ok    ' : 'BROKEN'
  return `${verdict} ${scenario} (seed ${seed}): ${calls} calls (${calls_per_s}/s), ${accepted} accepted, ${refused} answered 503, ${unanswered} not answered${parkedText}; ${recovery}; ${memory_mb} MB at most`
}

/** Outcomes scenario by scenario, as a table in Markdown. Of several with the same seed the last counts. */
export function tableOf(outcomes: Outcome[]): string {
  const last = new Map(outcomes.map((outcome) => [`${outcome.scenario} ${outcome.seed}`, outcome]))
  const rows = [...Map.groupBy(last.values(), ({ scenario }) => scenario)].map(([scenario, of]) => {
    const sum = (number: (outcome: Outcome) => number) =>
      of.reduce((total, one) => total + number(one), 0).toLocaleString('en')
    const recoveries = of.map(({ recovery_s = Number.POSITIVE_INFINITY }) => recovery_s).sort((a, b) => a - b)
    const seconds = (at: number | undefined) => (at === Number.POSITIVE_INFINITY ? 'never' : `${at?.toFixed(1)} s`)
    const counts = [sum((one) => one.calls), sum((one) => one.accepted), sum((one) => one.refused)]
    const ends = [sum((one) => one.unanswered), sum((one) => one.parked)]
    const quiet = [seconds(quantile(recoveries, 0.5)), seconds(recoveries.at(-1))]
    return [scenario, `${of.filter(isGreen).length} of ${of.length}`, ...counts, ...ends, ...quiet]
  })
  const head = ['scenario', 'green', 'calls', 'accepted', '503', 'not answered', 'parked', 'quiet: median', 'at most']
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
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
