import { readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { toError } from '@ordermill/model'
import { type Mutation, mutations } from './mutations.ts'
import { runSplit } from './processes.ts'
import type { Run } from './simulate.ts'

/** By the words of a guard, the seed that noticed its lack last time. */
type Noticed = Record<string, number>

const noticedPath = join(import.meta.dirname, 'noticed.json')

/** What became of the simulation without a guard: the run that noticed, if one did. */
export interface Missing {
  mutation: Mutation
  caught: Run | undefined
}

/** Which guards are taken out, and how far the search for a seed goes where the recorded one notices nothing. */
interface MutationParts {
  seedsMax: number
  /** Only guards in whose words this occurs. */
  only?: string
  /** Whether to write down which seeds noticed. */
  record?: boolean
  /** Only guards that one of the first seeds noticed last time, no later than this one. */
  recordedWithin?: number
  tell?(missing: Missing): void
}

/**
 * Simulates without one guard after the other until a promise breaks: the seed that is recorded in `noticed.json` first, then all
 * from 1 on. Tells of each, and gives all of them.
 */
export async function runMutations({
  seedsMax,
  only = '',
  record = false,
  recordedWithin,
  tell = () => undefined,
}: MutationParts): Promise<Missing[]> {
  const noticed = JSON.parse(readFileSync(noticedPath, 'utf8')) as Noticed
  const isChosen = (without: string) =>
    without.includes(only) &&
    (recordedWithin === undefined || (noticed[without] ?? Number.POSITIVE_INFINITY) <= recordedWithin)
  const chosen = mutations.filter(({ without }) => isChosen(without))
  if (chosen.length === 0) throw new Error(`no guard is described with: ${only}`)
  const all: Missing[] = []
  const found = new Map<Mutation, Run>()
  const waiting = chosen.filter(({ without, missed }) => missed === undefined && noticed[without] !== undefined)
  const tryRecorded = async () => {
    for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) {
      const caught = await runWithout(one.without, noticed[one.without] ?? 1, 1)
      if (caught !== undefined) found.set(one, caught)
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, tryRecorded))
  for (const mutation of chosen) {
    const { without, missed } = mutation
    const caught = found.get(mutation) ?? (missed === undefined ? await runWithout(without, 1, seedsMax) : undefined)
    delete noticed[without]
    if (caught !== undefined) noticed[without] = caught.seed
    all.push({ mutation, caught })
    tell({ mutation, caught })
    if (record) writeFileSync(noticedPath, `${JSON.stringify(inOrder(noticed), null, 2)}\n`)
  }
  return all
}

/** As the mutations stand in their file; of guards that are no more, nothing. */
const inOrder = (noticed: Noticed): Noticed =>
  Object.fromEntries(
    mutations.flatMap(({ without }) => {
      const seed = noticed[without]
      return seed === undefined ? [] : [[without, seed]]
    }),
  )

/** Without some guards what nobody waits for fails, and ends the process: that is noticed as well. */
async function runWithout(without: string, from: number, count: number): Promise<Run | undefined> {
  const parts = { without, stopAtFailure: true, ...(count === 1 && { processes: 1 }) }
  try {
    return (await runSplit({ ...parts, seeds: { from, count, step: 1 } })).failures[0]
  } catch (thrown) {
    if (count === 1) return { seed: from, events: 0, failure: `process: ${toError(thrown).message}` }
    for (let seed = from; seed < from + count; seed += 1) {
      const caught = await runWithout(without, seed, 1)
      if (caught !== undefined) return caught
    }
    return undefined
  }
}
