import { fork } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import type { Progress, Seeds } from './seeds.ts'

/** What one process does. */
export type Part = Seeds & { without: string | undefined }

interface SplitParts {
  seeds: Seeds
  /** Which guard of the product is taken out, by its words in `mutations.ts`. */
  without?: string
  processes?: number
  /** Whether to stop all of them at the first failure. */
  stopAtFailure?: boolean
  /** When to stop with what was done by then, and how many have to be done even so. */
  deadline_ms?: number
  least?: number
  tell?: (progress: Progress) => void
}

/** Simulates seeds in several processes, one for each core. Gives how far they came and what failed, lowest seed first. */
export async function runSplit({
  seeds,
  without,
  processes = availableParallelism(),
  stopAtFailure = false,
  deadline_ms,
  least = 0,
  tell,
}: SplitParts): Promise<Progress> {
  const each: Progress[] = Array.from({ length: processes }, () => ({ done: 0, failures: [] }))
  const sum = (): Progress => ({
    done: each.reduce((total, { done }) => total + done, 0),
    failures: each.flatMap(({ failures }) => failures).sort((a, b) => a.seed - b.seed),
  })
  const children = each.map((_, at) => {
    const part: Part = {
      without,
      from: seeds.from + at,
      count: Math.ceil((seeds.count - at) / processes),
      step: processes,
    }
    return fork(join(import.meta.dirname, 'child.ts'), [JSON.stringify(part)], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
  })
  let stopped = false
  const stop = () => {
    stopped = true
    for (const child of children) child.kill()
  }
  process.once('exit', stop)
  let late = false
  const stopIfEnough = () => {
    if (late && sum().done >= least) stop()
  }
  const onLate = () => {
    late = true
    stopIfEnough()
  }
  const timer = deadline_ms === undefined ? undefined : setTimeout(onLate, deadline_ms)
  await Promise.all(
    children.map(
      (child, at) =>
        new Promise<void>((resolve, reject) => {
          child.on('message', (progress: Progress) => {
            each[at] = progress
            tell?.(sum())
            stopIfEnough()
            if (stopAtFailure && progress.failures.length > 0) stop()
          })
          child.once('error', reject)
          child.once('exit', (code, signal) =>
            code === 0 || stopped
              ? resolve()
              : reject(new Error(`a process of the simulation ended with ${code ?? signal}`)),
          )
        }),
    ),
  )
  process.off('exit', stop)
  clearTimeout(timer)
  return sum()
}
