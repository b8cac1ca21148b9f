import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { toError } from '@ordermill/model'
import { type Mutation, mutations } from './mutations.ts'
import { runSplit } from './processes.ts'
import type { Run } from './simulate.ts'

const repository = join(import.meta.dirname, '../..')
const copied = ['packages', 'services', 'chaos', 'package.json', 'tsconfig.json']

/** A source with the guard taken out. @throws Error unless the guard is found exactly once */
export function mutated(source: string, { file, search, replace }: Mutation): string {
  const [before, after, ...more] = source.split(search)
  if (before === undefined || after === undefined || more.length > 0)
    throw new Error(`${file} has ${more.length === 0 ? 'nothing' : 'more than one place'} like: ${search}`)
  return before + replace + after
}

/** The file of a mutation as it stands, with the guard taken out. @throws Error unless the guard is found exactly once */
export const mutate = (mutation: Mutation, tree = repository): string =>
  mutated(readFileSync(join(tree, mutation.file), 'utf8'), mutation)

/** How long the simulation goes on without a guard before that counts as missed, and which guards are taken out. */
interface MutationParts {
  seedsMax: number
  /** Only guards in whose words this occurs. */
  only: string
  tell(mutation: Mutation, seeds: number, caught: Run | undefined): void
}

/**
 * Takes one guard after the other out of a copy of the tree, and simulates until a promise breaks.
 * Tells of each after how many seeds it was noticed, and how; gives those that were not, and of which nothing says why.
 */
export async function runMutations({ seedsMax, only, tell }: MutationParts): Promise<Mutation[]> {
  const chosen = mutations.filter(({ without }) => without.includes(only))
  if (chosen.length === 0) throw new Error(`no guard is described with: ${only}`)
  const tree = mkdtempSync(join(tmpdir(), 'ordermill-mutations-'))
  try {
    for (const name of copied)
      cpSync(join(repository, name), join(tree, name), { recursive: true, verbatimSymlinks: true })
    symlinkSync(join(repository, 'node_modules'), join(tree, 'node_modules'))
    const missed: Mutation[] = []
    for (const mutation of chosen) {
      if (mutation.missed !== undefined) {
        tell(mutation, 0, undefined)
        continue
      }
      const path = join(tree, mutation.file)
      const original = readFileSync(path, 'utf8')
      writeFileSync(path, mutate(mutation, tree))
      const seeds = { from: 1, count: seedsMax, step: 1 }
      // Without some guards what nobody waits for fails, and ends the process: that is noticed as well.
      const { done, failures } = await runSplit({
        seeds,
        folder: join(tree, 'chaos/simulation'),
        stopAtFailure: true,
      }).catch((error: unknown) => ({ done: 0, failures: [endedBy(error)] }))
      writeFileSync(path, original)
      tell(mutation, failures[0]?.seed ?? done, failures[0])
      if (failures.length === 0) missed.push(mutation)
    }
    return missed
  } finally {
    rmSync(tree, { recursive: true, force: true })
  }
}

const endedBy = (error: unknown): Run => ({ seed: 0, events: 0, failure: `process ${toError(error).message}` })
