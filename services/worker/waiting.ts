/** Milliseconds before attempt number `attempt` (from 1): doubling from `base_ms`, capped, with full jitter in its upper half. */
export function backoff_ms(attempt: number, { base_ms = 100, cap_ms = 5_000, random = Math.random } = {}): number {
  const whole = Math.min(cap_ms, base_ms * 2 ** Math.min(attempt - 1, 30))
  return whole / 2 + (random() * whole) / 2
}

/** Waits, or returns early when `signal` aborts or `wake` is called by whoever got it through `onWake`. Never throws. */
export function pause(ms: number, signal: AbortSignal, onWake?: (wake: () => void) => void): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const done = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, Math.max(0, ms))
    signal.addEventListener('abort', done, { once: true })
    onWake?.(done)
  })
}

/** Waits until the event loop has been through what came meanwhile. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
