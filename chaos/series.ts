import type { Scenario, StageName } from './scenarios/scenario.ts'

/** One scenario with one seed. */
export interface Run<S = Scenario> {
  scenario: S
  seed: number
}

/**
 * What is to run, in the order in which it is: stage by stage, since each needs a stack of its own, and on each seed by seed, every one
 * with every scenario, so that a long series has seen all of them early.
 */
export function seriesOf<S extends Pick<Scenario, 'stage'>>(chosen: S[], seed: number, seeds: number): Run<S>[] {
  const all = Array.from({ length: seeds }, (_, at) => seed + at)
  return stages.flatMap((stage) => {
    const here = chosen.filter((scenario) => stageOf(scenario) === stage)
    return all.flatMap((one) => here.map((scenario) => ({ scenario, seed: one })))
  })
}

export const stages: readonly StageName[] = ['single', 'cluster']

/** On which stack a scenario plays. */
export const stageOf = ({ stage }: Pick<Scenario, 'stage'>): StageName => stage ?? 'single'
