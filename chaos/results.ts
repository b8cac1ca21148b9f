import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import type { Violation } from './checks/evidence.ts'

/** What came of one scenario with one seed. */
export interface Outcome {
  scenario: string
  seed: number
  calls: number
  /** Calls a second, from the first to the last. */
  calls_per_s: number
  /** Writes that were answered 200, 201 or 202. */
  accepted: number
  unanswered: number
  /** Answers 503. */
  refused: number
  lost: number
  unexpected: number
  duplicates_applied: number
  /** What stands parked at the end. */
  parked: number
  /** Accepted, and neither persisted nor parked at the end. */
  open: number
  /** Seconds from the healing until all was quiet; absent: it never was. */
  recovery_s: number | undefined
  memory_mb: number
  violations: Violation[]
  history: string
}

/** All outcomes of a run in one object: what --json prints. */
export interface Summary {
  scenarios: number
  seeds: number
  accepted: number
  lost: number
  unexpected: number
  duplicates_applied: number
  parked: number
  open: number
  slowest_recovery_seconds: number | null
  failed: { scenario: string; seed: number; violations: Violation[]; history: string }[]
}

export const isGreen = ({ violations }: Pick<Outcome, 'violations'>): boolean => violations.length === 0

export function summaryOf(outcomes: Outcome[]): Summary {
  const sum = (number: (outcome: Outcome) => number) => outcomes.reduce((total, one) => total + number(one), 0)
  const recoveries = outcomes.map(({ recovery_s }) => recovery_s)
  return {
    scenarios: new Set(outcomes.map(({ scenario }) => scenario)).size,
    seeds: new Set(outcomes.map(({ seed }) => seed)).size,
    accepted: sum(({ accepted }) => accepted),
    lost: sum(({ lost }) => lost),
    unexpected: sum(({ unexpected }) => unexpected),
    duplicates_applied: sum((one) => one.duplicates_applied),
    parked: sum(({ parked }) => parked),
    open: sum(({ open }) => open),
    // One that never became quiet has no slowest.
    slowest_recovery_seconds: recoveries.includes(undefined)
      ? null
      : Math.round(Math.max(0, ...recoveries.map((seconds = 0) => seconds)) * 10) / 10,
    failed: outcomes
      .filter((outcome) => !isGreen(outcome))
      .map(({ scenario, seed, violations, history }) => ({
        scenario,
        seed,
        violations: violations.slice(0, 20),
        history,
      })),
  }
}

/** Adds an outcome to the results file. */
export const keepOutcome = (file: string, outcome: Outcome): void =>
  appendFileSync(file, `${JSON.stringify({ ...outcome, violations: outcome.violations.slice(0, 50) })}\n`)

/** What the results file says, in the order in which it came about. A line that was cut short counts as none. */
export function outcomesIn(file: string): Outcome[] {
  if (!existsSync(file)) return []
  return readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((line) => {
      try {
        return [JSON.parse(line) as Outcome]
      } catch {
        return []
      }
    })
}

/** Of a series of runs: the last outcome of each up to the one that was finished last, and what comes after that one. */
export function resumed<R extends { scenario: { name: string }; seed: number }>(
  runs: R[],
  outcomes: Outcome[],
): { done: Outcome[]; left: R[] } {
  const nameOf = (scenario: string, seed: number) => `${scenario} ${seed}`
  const names = runs.map(({ scenario, seed }) => nameOf(scenario.name, seed))
  const known = new Map(outcomes.map((outcome) => [nameOf(outcome.scenario, outcome.seed), outcome]))
  const last = outcomes.findLast(({ scenario, seed }) => names.includes(nameOf(scenario, seed)))
  const next = last === undefined ? 0 : names.indexOf(nameOf(last.scenario, last.seed)) + 1
  return { done: names.slice(0, next).flatMap((name) => known.get(name) ?? []), left: runs.slice(next) }
}
