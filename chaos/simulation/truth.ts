import type { Version } from '@ordermill/model'
import type { Owner } from './scheduler.ts'

/** A rule was broken. */
export class Violation extends Error {}

/** What really happened, seen from above: every version that was ever built, and which of them somebody vouched for. */
export interface Truth {
  built(version: Version, by: Owner): void
  /** The API said that it accepted this version. */
  promised(version: Version): void
  /** The cache took this version of a record. */
  accepted(id: string, version: number): void
  /** This one went to the broker without the cache. */
  bypassed(hash: string): void
  /** Which API process went around the cache with the first version of a record, if one did. */
  bypassers: Map<string, Owner>
  /** A client holds a 202 for this version of a record, or a later one. */
  acknowledged(id: string, version: number): void
  acknowledgedOf(id: string): number
  /** By hash, the promised versions of a record with this number: forks have the same. */
  promisesOf(id: string, version: number): string[]
  known: ReadonlyMap<string, Version>
  promises: ReadonlyMap<string, Version>
  /** How often the cache took each version, as `id:version`. */
  acceptances: ReadonlyMap<string, number>
  bypasses: ReadonlySet<string>
  /** What a queue took, ever, by messageId: `<id>:<version>`, and by hash. */
  taken: Set<string>
  /** Who built the version that the cache took last. */
  lastAcceptor(): Owner | undefined
  /** When another Redis took over that has forgotten something, and no connection told of it. */
  takenOverAt: number
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
  const builders = new Map<string, Owner>()
  let lastAccepted = ''
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
    bypassers: new Map(),
    takenOverAt: Number.NEGATIVE_INFINITY,
    lastAcceptor: () => builders.get(lastAccepted),
    accepted(id, version) {
      lastAccepted = `${id}:${version}`
      acceptances.set(lastAccepted, (acceptances.get(lastAccepted) ?? 0) + 1)
    },
    bypassed: (hash) => bypasses.add(hash),
    nameOf,
    built(version, by) {
      nameOf(version.id)
      known.set(version.hash, version)
      builders.set(`${version.id}:${version.version}`, by)
    },
    promised: (version) => promises.set(version.hash, version),
    acknowledged: (id, version) => acknowledged.set(id, Math.max(version, acknowledged.get(id) ?? 0)),
    acknowledgedOf: (id) => acknowledged.get(id) ?? 0,
    promisesOf: (id, version) =>
      [...promises.values()].filter((one) => one.id === id && one.version === version).map(({ hash }) => hash),
    descends(later, earlier) {
      for (let hash = later; hash !== null; hash = known.get(hash)?.parent ?? null) if (hash === earlier) return true
      return false
    },
  }
}
