/** Waits so many milliseconds, or until the load ends. */
export type Rest = (ms: number) => Promise<void>

/** Rests of thousands of clients, all of which end with the load. */
export function createRests(signal: AbortSignal): Rest {
  const resting = new Set<() => void>()
  signal.addEventListener('abort', () => {
    for (const wake of resting) wake()
  })
  return (ms) =>
    new Promise((resolve) => {
      if (signal.aborted) return resolve()
      const wake = () => {
        clearTimeout(timer)
        resting.delete(wake)
        resolve()
      }
      const timer = setTimeout(wake, ms)
      resting.add(wake)
    })
}
