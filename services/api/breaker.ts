/** Keeps from asking who has just failed several times in a row: for a while nobody does, then one does at a time. */
export interface Breaker {
  /** Whether to ask now. Who does must tell how it went. */
  admits(): boolean
  tell(outcome: 'ok' | 'failed'): void
  state(): BreakerState
}
/** closed: everybody asks. open: nobody does. half-open: one does at a time. */
export const breakerStates = ['closed', 'half-open', 'open'] as const
export type BreakerState = (typeof breakerStates)[number]

/** @param now Milliseconds of a clock that only goes forward. */
export function createBreaker({ failuresMax = 3, rest_ms = 5_000, now = () => performance.now() } = {}): Breaker {
  let failures = 0
  let closedUntil = 0
  return {
    admits() {
      if (failures < failuresMax) return true
      if (now() < closedUntil) return false
      closedUntil = now() + rest_ms // this one finds out; the others wait for what it tells
      return true
    },
    state: () => (failures < failuresMax ? 'closed' : now() < closedUntil ? 'open' : 'half-open'),
    tell(outcome) {
      failures = outcome === 'ok' ? 0 : failures + 1
      if (failures >= failuresMax) closedUntil = now() + rest_ms
    },
  }
}
