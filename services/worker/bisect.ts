import type { Chain, Outcome } from '@ordermill/database'
import { BadData, type Version } from '@ordermill/model'

/** What became of each version: an outcome, or why no table will ever take it. */
export type Verdicts = Map<Version, Outcome | BadData>

/**
 * Applies chains, and when Postgres refuses the data halves them until what is bad is alone: all others are applied.
 * Of a bad chain the last version is given up first, and the one before it is tried.
 */
export async function bisectBadData(
  chains: Chain[],
  apply: (chains: Chain[]) => Promise<Outcome[][]>,
  verdicts: Verdicts = new Map(),
): Promise<Verdicts> {
  if (chains.length === 0) return verdicts
  try {
    const outcomes = await apply(chains)
    for (const [at, chain] of chains.entries())
      for (const [index, version] of chain.entries()) {
        const outcome = outcomes[at]?.[index]
        if (outcome === undefined) throw new Error(`no outcome for ${version.id}:${version.version}`) // never acked on a guess
        verdicts.set(version, outcome)
      }
    return verdicts
  } catch (thrown) {
    if (!(thrown instanceof BadData)) throw thrown
    const [only, ...others] = chains
    if (only !== undefined && others.length === 0) {
      const [last, ...before] = [...only].reverse() as [Version, ...Version[]]
      const [first, ...rest] = before.reverse()
      if (first !== undefined) await bisectBadData([[first, ...rest]], apply, verdicts)
      verdicts.set(last, thrown)
      return verdicts
    }
    const middle = Math.ceil(chains.length / 2)
    await bisectBadData(chains.slice(0, middle), apply, verdicts)
    return bisectBadData(chains.slice(middle), apply, verdicts)
  }
}
