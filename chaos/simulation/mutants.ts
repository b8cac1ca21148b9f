import { toError } from '@ordermill/model'
import { type Mutation, mutations } from './mutations.ts'
import { runSplit } from './processes.ts'
import type { Run } from './simulate.ts'

/** How long the simulation goes on without a guard before that counts as missed, and which guards are taken out. */
interface MutationParts {
  seedsMax: number
  /** Only guards in whose words this occurs. */
  only: string
  tell(mutation: Mutation, seeds: number, caught: Run | undefined): void
}

/**
 * Simulates without one guard after the other until a promise breaks. Tells of each after how many seeds it was noticed, and how;
 * gives those that were not, and of which nothing says why.
 */
export async function runMutations({ seedsMax, only, tell }: MutationParts): Promise<Mutation[]> {
  const chosen = mutations.filter(({ without }) => without.includes(only))
  if (chosen.length === 0) throw new Error(`no guard is described with: ${only}`)
  const missed: Mutation[] = []
  for (const mutation of chosen) {
    const { without } = mutation
    if (mutation.missed !== undefined) {
      tell(mutation, 0, undefined)
      continue
    }
    const { done, failures } = await withoutIt(without, { from: 1, count: seedsMax, step: 1 })
    tell(mutation, failures[0]?.seed ?? done, failures[0])
    if (failures.length === 0) missed.push(mutation)
  }
  return missed
}

/** Without some guards what nobody waits for fails, and ends the process: that is noticed as well. */
const withoutIt = (without: string, seeds: { from: number; count: number; step: number }) =>
  runSplit({ seeds, without, stopAtFailure: true }).catch((error: unknown) => ({
    done: 0,
    failures: [{ seed: 0, events: 0, failure: `process ${toError(error).message}` }],
  }))
