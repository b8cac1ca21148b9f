import { createJobQueue, createJobs, createParkedView, dailySales, refreshView } from '@ordermill/database'
import { createDryRun } from './dry-run.ts'
import { type JobHandler, runJobs } from './jobs.ts'
import { createReplay, replayKnown } from './replay.ts'
import type { Resources } from './resources.ts'
import { GivenUp, retryWhileUnavailable } from './retry.ts'

/** Does jobs of every kind there is until `signal` aborts. */
export function runEveryJob(resources: Resources, signal: AbortSignal): Promise<void> {
  const { collection, options, part, holder, database, table, ledger, publisher, exchange } = resources
  const refresh: JobHandler = async () => {
    const { outcome, as_of, duration_ms } = await refreshView(database, dailySales, { force: true })
    return { view: dailySales.name, outcome, as_of, duration_ms }
  }
  const replay = createReplay({ ledger, publisher, exchange, log: part('replay') })
  const handlers = {
    refresh,
    replay,
    'replay-group': replay,
    'dry-run': createDryRun({ collection, ledger, table, deadline_ms: options.MESSAGE_TIMEOUT_MS }),
  }
  return runJobs({ queue: createJobQueue(database), holder, handlers, log: part('jobs') }, signal)
}

/** Asks once, as soon as Postgres answers, for a replay of what older workers parked because they did not know its type. */
export async function askForKnown({ collection, database }: Resources, signal: AbortSignal): Promise<void> {
  const ask = () => replayKnown(collection.type, { jobs: createJobs(database), parked: createParkedView(database) })
  try {
    await retryWhileUnavailable(ask, { signal, onRetry: () => undefined })
  } catch (thrown) {
    if (!(thrown instanceof GivenUp)) throw thrown
  }
}
