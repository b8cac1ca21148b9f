import type { Chain, Outcome } from '@ordermill/database'
import { BadData, type Version } from '@ordermill/model'

/** What became of each version: an outcome, or why no table will ever take it. */
export type Verdicts = Map<Version, Outcome | BadData>

/** Into so many parts a group is divided when it has something bad in it: each failure may cost a whole deadline. */
const divisions = 4

/**
 * Applies chains, and when Postgres refuses the data divides them until what is bad is alone: all others are applied.
 * Of a bad chain the last version is given up first, and the one before it is tried. `decided` is told of verdicts as they come.
 */
export async function bisectBadData(
  chains: Chain[],
  apply: (chains: Chain[]) => Promise<Outcome[][]>,
  decided: (verdicts: Verdicts) => Promise<void> | void = () => undefined,
): Promise<Verdicts> {
  if (chains.length === 0) return new Map()
  const applied = await apply(chains).catch((thrown: unknown) => {
    if (!(thrown instanceof BadData)) throw thrown
    return thrown
  })
  if (!(applied instanceof BadData)) return await tell(verdictsOf(chains, applied), decided)
  const [only, ...others] = chains
  if (only !== undefined && others.length === 0) {
    const [first, ...rest] = only.slice(0, -1)
    const before = first === undefined ? new Map() : await bisectBadData([[first, ...rest]], apply, decided)
    return new Map([...before, ...(await tell(new Map([[last(only), applied]]), decided))])
  }
  const verdicts: Verdicts = new Map()
  const size = Math.ceil(chains.length / divisions)
  for (let from = 0; from < chains.length; from += size)
    for (const [version, verdict] of await bisectBadData(chains.slice(from, from + size), apply, decided))
      verdicts.set(version, verdict)
  return verdicts
}

async function tell(verdicts: Verdicts, decided: (verdicts: Verdicts) => Promise<void> | void): Promise<Verdicts> {
  await decided(verdicts)
  return verdicts
}

function verdictsOf(chains: Chain[], outcomes: Outcome[][]): Verdicts {
  const verdicts: Verdicts = new Map()
  for (const [at, chain] of chains.entries())
    for (const [index, version] of chain.entries()) {
      const outcome = outcomes[at]?.[index]
      if (outcome === undefined) throw new Error(`no outcome for ${version.id}:${version.version}`) // never acked on a guess
      verdicts.set(version, outcome)
    }
  return verdicts
}

const last = (chain: Chain): Version => chain[chain.length - 1] ?? chain[0]
