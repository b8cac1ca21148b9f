import type { Options } from '@ordermill/config'
import type { Jobs, Leases } from '@ordermill/database'
import { newId, toError } from '@ordermill/model'
import type { Logger } from '@ordermill/telemetry'
import { recur } from './recurring.ts'

interface ScheduleParts {
  /** undefined: never. */
  schedule: Options['AUDIT_SCHEDULE']
  jobs: Pick<Jobs, 'open'>
  leases: Pick<Leases, 'hold'>
  log: Logger
}

/** Workers whose clocks differ by less ask for one audit together, not for one each. */
const together_ms = 30_000

/** Asks for audits by a schedule; not while one is open or runs. Gives how to end that. */
export function scheduleAudits({ schedule, jobs, leases, log }: ScheduleParts): () => void {
  if (schedule === undefined) return () => undefined
  const ask = async () => {
    if ((await leases.hold('audit-schedule', together_ms)) !== undefined) await jobs.open(newId(), 'audit', {})
  }
  return recur(schedule, () => {
    ask().catch((thrown: unknown) => log.warn({ err: toError(thrown) }, 'no audit could be asked for'))
  })
}
