import { setImmediate } from 'node:timers/promises'
import type { Run } from './simulate.ts'

/** Which seeds: `count` of them from `from` on, each `step` after the one before. */
export interface Seeds {
  from: number
  count: number
  step: number
}

/** How far a series is. */
export interface Progress {
  done: number
  failures: Run[]
}

const began_ms = Date.UTC(2026, 0, 1)
const hour_ms = 3_600_000
/** Most failures that are worth looking at. */
const failuresMax = 10
const tellEvery = 100

/** Simulates one seed after the other in this process; tells how far it is. Ends early when enough of them have failed. */
export async function runSeeds({ from, count, step }: Seeds, tell: (progress: Progress) => void): Promise<Progress> {
  const { simulate } = await load()
  const progress: Progress = { done: 0, failures: [] }
  while (progress.done < count && progress.failures.length < failuresMax) {
    const run = await simulate({ seed: from + progress.done * step, start_ms: began_ms + progress.done * hour_ms })
    progress.done += 1
    await setImmediate() // whoever waits for us is heard between two seeds
    if (run.failure !== undefined) progress.failures.push(run)
    if (run.failure !== undefined || progress.done % tellEvery === 0) tell(progress)
  }
  tell(progress)
  return progress
}

/** Simulates one seed and gives every line of its trace to `onTrace`. */
export async function traceSeed(seed: number, onTrace: (line: string) => void): Promise<Run> {
  const { simulate } = await load()
  return await simulate({ seed, start_ms: began_ms, onTrace })
}

/** What is simulated, loaded with simulated drivers in place of the real ones. */
async function load() {
  const { replaceDrivers, useFewBuckets } = await import('./drivers/hooks.ts')
  replaceDrivers()
  useFewBuckets()
  return await import('./simulate.ts')
}
