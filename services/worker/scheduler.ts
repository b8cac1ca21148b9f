import type { Options } from '@ordermill/config'
import { type Database, refreshView, type View } from '@ordermill/database'
import { toError } from '@ordermill/model'
import type { Logger, WorkerMetrics } from '@ordermill/telemetry'
import { recur } from './recurring.ts'

interface SchedulerParts {
  database: Database
  views: View[]
  schedule: Options['MV_REFRESH_SCHEDULE']
  log: Logger
  metrics: WorkerMetrics
}

export interface Scheduler {
  /** Refreshes at once what was missed while nobody ran (nothing, if nothing changed), then by the schedule. */
  start(): void
  /** Starts no more, and waits for the refresh that runs. */
  stop(): Promise<void>
}

/** Refreshes materialized views on a schedule, in UTC. No two refreshes of a view run at once, whoever asks. */
export function createScheduler({ database, views, schedule, log, metrics }: SchedulerParts): Scheduler {
  let running: Promise<void> | undefined
  let end = () => {}

  const refresh = async (view: View) => {
    const started = performance.now()
    try {
      const { outcome, as_of, duration_ms } = await refreshView(database, view)
      metrics.refresh.observe({ view: view.name, outcome }, duration_ms / 1_000)
      if (as_of !== undefined) metrics.viewAsOf.set({ view: view.name }, Date.parse(as_of) / 1_000)
      log.info({ view: view.name, outcome, as_of, duration_ms: Math.round(duration_ms) }, 'view')
    } catch (thrown) {
      metrics.refresh.observe({ view: view.name, outcome: 'failed' }, (performance.now() - started) / 1_000)
      log.warn({ err: toError(thrown), view: view.name }, 'a view could not be refreshed; the next run tries again')
    }
  }
  const tick = () => {
    running ??= (async () => {
      for (const view of views) await refresh(view)
    })().finally(() => {
      running = undefined
    })
  }
  return {
    start() {
      tick()
      end = recur(schedule, tick)
    },
    async stop() {
      end()
      await running
    },
  }
}
