import type { Version } from '@ordermill/model'

/** A rule was broken. */
export class Violation extends Error {}

/** What really happened, seen from above: every version that was ever built, and which of them somebody vouched for. */
export interface Truth {
  built(version: Version): void
  /** The API said that it accepted this version. */
  promised(version: Version): void
  /** The cache took this version of a record. */
  accepted(id: string, version: number): void
  /** This one went to the broker without the cache. */
  bypassed(hash: string): void
  /** A client holds a 202 for this version of a record, or a later one. */
  acknowledged(id: string, version: number): void
  acknowledgedOf(id: string): number
  known: ReadonlyMap<string, Version>
  promises: ReadonlyMap<string, Version>
  /** How often the cache took each version, as `id:version`. */
  acceptances: ReadonlyMap<string, number>
  bypasses: ReadonlySet<string>
  /** What a queue took, ever, by messageId: `<id>:<version>`. */
  taken: Set<string>
  /** A short name for a record in a trace. */
  nameOf(id: string): string
  /** Whether `later` was built on `earlier`, directly or not, or is it. */
  descends(later: string | null, earlier: string): boolean
}

export function createTruth(): Truth {
  const known = new Map<string, Version>()
  const promises = new Map<string, Version>()
  const names = new Map<string, string>()
  const acknowledged = new Map<string, number>()
  const acceptances = new Map<string, number>()
  const bypasses = new Set<string>()
  const nameOf = (id: string) => {
    const name = names.get(id) ?? `r${names.size + 1}`
    names.set(id, name)
    return name
  }
  return {
    known,
    promises,
    acceptances,
    bypasses,
    taken: new Set(),
    accepted: (id, version) => acceptances.set(`${id}:${version}`, (acceptances.get(`${id}:${version}`) ?? 0) + 1),
    bypassed: (hash) => bypasses.add(hash),
    nameOf,
    built(version) {
      nameOf(version.id)
      known.set(version.hash, version)
    },
    promised: (version) => promises.set(version.hash, version),
    acknowledged: (id, version) => acknowledged.set(id, Math.max(version, acknowledged.get(id) ?? 0)),
    acknowledgedOf: (id) => acknowledged.get(id) ?? 0,
    descends(later, earlier) {
      for (let hash = later; hash !== null; hash = known.get(hash)?.parent ?? null) if (hash === earlier) return true
      return false
    },
  }
}
