import { Unavailable } from '@ordermill/model'
import { backoff_ms, pause } from './waiting.ts'

/** Nobody waits for the result any more: the deliveries went back, or the worker stops. */
export class GivenUp extends Error {}

/**
 * Repeats `attempt` for as long as it takes while what it needs is unavailable, with growing pauses.
 * @throws GivenUp once `signal` aborts; whatever else `attempt` throws
 */
export async function retryWhileUnavailable<T>(
  attempt: () => Promise<T>,
  { signal, onRetry }: { signal: AbortSignal; onRetry(error: Unavailable, attempt: number): void },
): Promise<T> {
  for (let number = 1; ; number += 1) {
    if (signal.aborted) throw new GivenUp()
    try {
      return await attempt()
    } catch (thrown) {
      if (signal.aborted) throw new GivenUp()
      if (!(thrown instanceof Unavailable)) throw thrown
      onRetry(thrown, number)
      await pause(backoff_ms(number), signal)
    }
  }
}
