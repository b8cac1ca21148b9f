import type { Version } from '@ordermill/model'

/** Versions of one record, oldest first, each built on the one before it. At least one. */
export type Chain = readonly [Version, ...Version[]]

/** What stands in the table. */
export interface Standing {
  version: number
  hash: string
  parent: string | null
}

/** The history of a record. */
export interface Past {
  /** Whether a version with this hash is in it. */
  has(hash: string): boolean
  /** Whether a version in it was built on the one with this hash. */
  hasChildOf(hash: string): boolean
}

/**
 * What became of a version: inserted or updated it stands in the table; superseded it went to the history at once;
 * duplicate it was there before (in the table or in the history); conflict it was built on something else than what stands.
 * One that arrives after what was built on it is superseded as well: it goes to the history, whatever stands.
 */
export type Outcome = 'inserted' | 'updated' | 'superseded' | 'duplicate' | 'conflict'

/** What to do with a chain: write its last version, after putting the superseded ones into the history; and the outcome of each. */
export interface Decision {
  write: 'insert' | 'update' | undefined
  outcomes: Outcome[]
}

/**
 * Decides what a chain may do to its record. Never backwards, never on top of what it was not built on.
 * @param standing What the table holds, if anything.
 * @param past What its history holds.
 */
export function decide(chain: Chain, standing: Standing | undefined, past: Past): Decision {
  const known = ({ hash }: Version): Outcome => (hash === standing?.hash || past.has(hash) ? 'duplicate' : 'superseded')
  const applied = (write: 'insert' | 'update', from: number): Decision => ({
    write,
    outcomes: chain.map((version, at) => {
      if (at < from) return known(version)
      if (at < chain.length - 1) return 'superseded'
      return write === 'insert' ? 'inserted' : 'updated'
    }),
  })
  if (standing === undefined) return applied('insert', 0)
  if (chain[0].parent === standing.hash && chain[0].version > standing.version) return applied('update', 0)
  const at = chain.findIndex((version) => version.hash === standing.hash)
  if (at >= 0 && at < chain.length - 1) return applied('update', at + 1)
  // Whatever is in the history is what something there was built on, or what stands.
  const isPast = ({ hash }: Version) => hash === standing.hash || hash === standing.parent || past.hasChildOf(hash)
  // What a known version was built on is as known as itself; what follows the last known one is a fork.
  const lastKnown = chain.findLastIndex(isPast)
  return {
    write: undefined,
    outcomes: chain.map((version, at) => (at <= lastKnown ? known(version) : 'conflict')),
  }
}
