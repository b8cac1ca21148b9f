import { join } from 'node:path'
import type { AskedLoad } from './load/settings.ts'
import { type Mutation, mutations } from './mutations.ts'
import { play } from './play.ts'
import { isGreen, type Outcome } from './results.ts'
import { scenarios } from './scenarios/index.ts'
import type { Scenario } from './scenarios/scenario.ts'
import { onStack } from './stack.ts'

interface MutateParts {
  /** Only guards in whose description this occurs. */
  only: string
  /** The first seed, and with how many in a row a guard may go unnoticed. */
  seed: number
  seeds: number
  asked: AskedLoad
  folder: string
  signal: AbortSignal
  say(line: string): void
  print(line: string): void
}

const preload = join(import.meta.dirname, 'mutated.ts')

/** The scenario of a mutation. @throws Error if there is none of that name */
export function scenarioOf({ scenario: name }: Mutation): Scenario {
  const scenario = scenarios.find((one) => one.name === name)
  if (scenario === undefined) throw new Error(`there is no scenario '${name}'`)
  return scenario
}

/** What makes a service run without a guard. */
const withoutGuard = ({ without }: Mutation) => ({
  NODE_OPTIONS: `--import file://${encodeURI(preload)}?without=${encodeURIComponent(without)}`,
})

/**
 * Takes one guard after the other out of the services, on servers of their own, and plays its scenario until a promise breaks.
 * Prints of each what broke, and gives those that nothing noticed.
 */
export async function runMutations({ only, seed, seeds, print, ...parts }: MutateParts): Promise<Mutation[]> {
  const chosen = mutations.filter(({ without }) => without.includes(only))
  if (chosen.length === 0) throw new Error(`no guard is described with: ${only}`)
  const unnoticed: Mutation[] = []
  for (const [at, mutation] of chosen.entries()) {
    parts.say(`${at + 1}/${chosen.length}  ${mutation.scenario} without ${mutation.without}`)
    const broken = await untilBroken(mutation, { ...parts, from: seed, to: seed + seeds })
    if (broken === undefined) unnoticed.push(mutation)
    const [first] = broken?.violations ?? []
    print(
      first === undefined
        ? `MISSED  without ${mutation.without}`
        : `noticed without ${mutation.without}\n    ${mutation.scenario}, seed ${broken?.seed}: ${first.invariant}: ${first.says}`,
    )
  }
  return unnoticed
}

async function untilBroken(
  mutation: Mutation,
  { from, to, ...parts }: Omit<MutateParts, 'only' | 'seed' | 'seeds' | 'print'> & { from: number; to: number },
): Promise<Outcome | undefined> {
  const scenario = scenarioOf(mutation)
  return onStack({ ...parts, env: withoutGuard(mutation) }, async (stack) => {
    await stack.ready()
    for (let seed = from; seed < to; seed += 1) {
      parts.signal.throwIfAborted()
      const outcome = await play({ ...parts, stack, scenario, seed, prefix: `m${seed}-`, outage_s: undefined })
      if (!isGreen(outcome)) return outcome
    }
    return undefined
  })
}
