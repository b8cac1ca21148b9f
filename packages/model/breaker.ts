/**
 * A circuit breaker: keeps from asking who has just failed. After some failures in a row nobody asks for a while; then one does, and finds
 * out for the others.
 */
export interface Breaker {
  /** Whether to ask now. Who does must tell how it went. */
  admits(): boolean
  tell(outcome: 'ok' | 'failed'): void
  state(): BreakerState
  /** Failures in a row. */
  failures(): number
  /** Milliseconds until somebody may ask; 0: now. */
  left_ms(): number
}
/** closed: everybody asks. open: nobody does. half-open: one does at a time. */
export const breakerStates = ['closed', 'half-open', 'open'] as const
export type BreakerState = (typeof breakerStates)[number]

interface BreakerOptions {
  /** So many failures in a row open it. */
  failuresMax: number
  /** How long nobody asks then, in milliseconds: the first time, the second time in a row, and so on from 1. */
  rest_ms(time: number): number
  /** Milliseconds of a clock that only goes forward: by one that is set back an hour nobody would ask for an hour. */
  now(): number
}

export function createBreaker({ failuresMax, rest_ms, now }: BreakerOptions): Breaker {
  let failures = 0
  let openUntil = 0
  let isTried = false
  const isClosed = () => failures < failuresMax
  const left_ms = () => (isClosed() ? 0 : Math.max(0, openUntil - now()))
  const rest = () => {
    openUntil = now() + rest_ms(failures - failuresMax + 1)
  }
  return {
    admits() {
      if (isClosed()) return true
      if (left_ms() > 0) return false
      isTried = true
      rest() // this one finds out; the others wait for what it tells
      return true
    },
    tell(outcome) {
      isTried = false
      failures = outcome === 'ok' ? 0 : failures + 1
      if (!isClosed()) rest()
    },
    state: () => (isClosed() ? 'closed' : isTried || left_ms() === 0 ? 'half-open' : 'open'),
    failures: () => failures,
    left_ms,
  }
}
