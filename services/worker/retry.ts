import { Doubtful, Unavailable } from '@ordermill/model'
import type { Logger, WorkerMetrics } from '@ordermill/telemetry'
import type { Hold } from './holding.ts'
import { backoff_ms, pause } from './waiting.ts'

/** Nobody waits for the result any more: the deliveries went back, or the worker stops. */
export class GivenUp extends Error {}

/** How an attempt is repeated. */
export interface Patience {
  /** Aborted when nobody waits for the result any more. */
  signal: AbortSignal
  onRetry(error: Unavailable, attempt: number): void
  /** Bounds the time; without it the attempt is repeated for as long as it takes. */
  hold?: Hold
  /**
   * Asked about each failure. @returns true to try again at once, false to wait a little first. @throws what ends it
   */
  judge?(error: Unavailable): Promise<boolean>
}

/**
 * Repeats `attempt` while what it needs is unavailable, with growing pauses.
 * @throws GivenUp once `signal` aborts or the hold is over; whatever else `attempt` or `judge` throws
 */
export async function retryWhileUnavailable<T>(
  attempt: () => Promise<T>,
  { signal, onRetry, hold, judge }: Patience,
): Promise<T> {
  for (let number = 1; ; number += 1) {
    if (signal.aborted) throw new GivenUp()
    try {
      const result = await attempt()
      hold?.works()
      return result
    } catch (thrown) {
      if (signal.aborted) throw new GivenUp()
      if (!(thrown instanceof Unavailable)) throw thrown
      onRetry(thrown, number)
      if (await judge?.(thrown)) continue
      hold?.check()
      await pause(backoff_ms(number), signal)
    }
  }
}

/** Says that an attempt is repeated: the first time, and then each time the number of attempts doubles. */
export const retried =
  ({ log, metrics }: { log: Logger; metrics: Pick<WorkerMetrics, 'retries'> }) =>
  (error: Unavailable, attempt: number) => {
    metrics.retries.inc({ code: error.code })
    if (!Number.isInteger(Math.log2(attempt))) return
    if (error instanceof Doubtful && /^database-(?:42|3F)/.test(error.code))
      log.error({ err: error, attempt }, 'kept, and tried again: run the migrations of this version')
    else log.warn({ err: error, attempt }, 'kept, and tried again')
  }
