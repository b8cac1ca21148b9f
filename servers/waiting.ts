import { setTimeout as sleep } from 'node:timers/promises'

/** What is being waited for, how long at most, how often to look. */
export type Wait = { timeoutMs: number; everyMs?: number; signal?: AbortSignal | undefined }

/**
 * Calls `probe` until it answers anything but undefined, or until the time is over: then undefined.
 * A probe that throws counts as "not yet". Throws only when the signal aborts.
 */
export async function waitFor<T>(
  probe: () => T | undefined | Promise<T | undefined>,
  wait: Wait,
): Promise<T | undefined> {
  const deadline = performance.now() + wait.timeoutMs
  for (;;) {
    wait.signal?.throwIfAborted()
    let answer: T | undefined
    try {
      answer = await probe()
    } catch {
      answer = undefined
    }
    if (answer !== undefined || performance.now() >= deadline) return answer
    await sleep(wait.everyMs ?? 50, undefined, wait.signal ? { signal: wait.signal } : {})
  }
}
