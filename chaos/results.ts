import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import type { Violation } from './checks/evidence.ts'

/** What came of one scenario with one seed. */
export interface Outcome {
  scenario: string
  seed: number
  calls: number
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

/** What the results file says is green, the last run of each counting: `scenario seed`. A line that was cut short counts as none. */
export function greenIn(file: string): Set<string> {
  const green = new Set<string>()
  if (!existsSync(file)) return green
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    let outcome: Outcome
    try {
      outcome = JSON.parse(line) as Outcome
    } catch {
      continue
    }
    const name = `${outcome.scenario} ${outcome.seed}`
    if (isGreen(outcome)) green.add(name)
    else green.delete(name)
  }
  return green
}
