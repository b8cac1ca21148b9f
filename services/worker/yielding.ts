import { pause } from './waiting.ts'

/** How much is being persisted: nothing, something, or so much that every batch is full. */
export type Writes = 'none' | 'some' | 'full'

/** Lets those go first who persist. Whoever shares one works no longer, together, than one alone would. */
export interface Yielding {
  /** Whether nobody persists just now. */
  isAlone(): boolean
  /** After `worked_ms` milliseconds of work: waits until the next turn, and no longer than others are at work. Never throws. */
  rest(worked_ms: number, signal: AbortSignal): Promise<void>
}

/** The part of the time in which work goes on while others persist. */
const parts = { some: 0.2, full: 0.05 }
/** No turn is longer in coming, in milliseconds. */
const restMax_ms = 2_000
/** How often it looks whether others are still at work, in milliseconds. */
const look_ms = 25

export function createYielding(writes: () => Writes): Yielding {
  let next = Number.NEGATIVE_INFINITY
  return {
    isAlone: () => writes() === 'none',
    async rest(worked_ms, signal) {
      const now = performance.now()
      const busy = writes()
      if (busy === 'none') return
      next = Math.min(Math.max(next, now) + worked_ms * (1 / parts[busy] - 1), now + restMax_ms)
      for (let left = next - now; left > 0 && writes() !== 'none' && !signal.aborted; left = next - performance.now())
        await pause(Math.min(left, look_ms), signal)
    },
  }
}
