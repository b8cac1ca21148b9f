import { pause } from './waiting.ts'

/** How much is being persisted: nothing, something, or so much that every batch is full. */
export type Writes = 'none' | 'some' | 'full'

/** Lets those go first who persist. Whoever shares one works no longer, together, than one alone would. */
export interface Yielding {
  /** Whether nobody persists just now. */
  isAlone(): boolean
  /**
   * After `worked_ms` milliseconds of work: waits until the next turn, and no longer than others are at work. Never throws.
   * @param times how many times its usual part of the time it may work: `createImpatience` says
   */
  rest(worked_ms: number, signal: AbortSignal, times?: number): Promise<void>
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
    async rest(worked_ms, signal, times = 1) {
      const now = performance.now()
      const busy = writes()
      if (busy === 'none') return
      const part = Math.min(1, parts[busy] * times)
      next = Math.min(Math.max(next, now) + worked_ms * (1 / part - 1), now + restMax_ms)
      for (let left = next - now; left > 0 && writes() !== 'none' && !signal.aborted; left = next - performance.now())
        await pause(Math.min(left, look_ms), signal)
    },
  }
}

/** How often is looked whether it comes nearer, in milliseconds. */
const watch_ms = 5_000

/**
 * Who yields so much that it falls behind further and further would never arrive, as long as others are at work: each time it has not come
 * nearer it may work twice as much, until it has arrived. Told how far it is behind, gives how many times as much.
 * @param now milliseconds of a clock that only goes forward
 */
export function createImpatience(now = () => performance.now()): (behind: number) => number {
  let times = 1
  let before = { behind: 0, at: now() }
  return (behind) => {
    const at = now()
    if (behind === 0) times = 1
    else if (at - before.at < watch_ms) return times
    else if (before.behind > 0 && behind >= before.behind) times = Math.min(times * 2, 1 / parts.full)
    before = { behind, at }
    return times
  }
}
