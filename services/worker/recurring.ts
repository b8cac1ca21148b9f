import type { Options } from '@ordermill/config'
import cron from 'node-cron'

/** Calls `tick` by a schedule, in UTC, until what it gives is called. A tick must not take long, nor throw. */
export function recur(schedule: Options['MV_REFRESH_SCHEDULE'], tick: () => void): () => void {
  if ('interval_ms' in schedule) {
    const timer = setInterval(tick, schedule.interval_ms)
    return () => clearInterval(timer)
  }
  const task = cron.schedule(schedule.cron, tick, { timezone: 'UTC', noOverlap: true })
  return () => void task.destroy()
}
