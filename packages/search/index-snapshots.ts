import { errors } from '@elastic/elasticsearch'
import type { EngineClient } from './client.ts'
import { setRepository } from './keeping.ts'

/** A snapshot of an index, as the engine keeps it. */
export interface IndexSnapshot {
  name: string
  /** SUCCESS alone can be restored as a whole. */
  state: string
  taken_at: string
  index: string
}

/** Snapshots of the index behind an alias, in a repository. Methods throw Error with what the engine says. */
export interface IndexSnapshots {
  /** Takes one, and waits for it. @throws Error if there is no index, or a part of it could not be taken */
  take(): Promise<IndexSnapshot>
  /** Oldest first. */
  list(): Promise<IndexSnapshot[]>
  /**
   * Makes an index of it, under a new name and with a UUID of its own, and swaps the alias over to it in one call: searches never miss an
   * index. Gives both names; the replaced index is still there. Whoever follows starts from the first change.
   */
  restore(name: string): Promise<{ index: string; replaced: string[] }>
  remove(name: string): Promise<void>
}

interface Parts {
  client: EngineClient
  alias: string
  repository: string
  now?: () => Date
}

/** How long a snapshot or a restore may take. */
const patience = { requestTimeout: 60 * 60_000 }

export function createIndexSnapshots({ client, alias, repository, now = () => new Date() }: Parts): IndexSnapshots {
  /** To the millisecond: a small index is restored twice within a second. */
  const stamp = () => now().toISOString().replace(/\D/g, '')
  const inUse = async () =>
    Object.keys(await client.indices.getAlias({ name: alias }, { ignore: [404] })).filter(isIndex)
  const list = async (): Promise<IndexSnapshot[]> => {
    const asked = { repository, snapshot: `${alias}-*`, sort: 'start_time' as const, order: 'asc' as const }
    const { snapshots = [] } = await client.snapshot.get(asked).catch((thrown: unknown) => {
      if (thrown instanceof errors.ResponseError && thrown.statusCode === 404) return { snapshots: [] } // nor a repository yet
      throw told(thrown)
    })
    return snapshots.map(({ snapshot, state = '', start_time, indices = [] }) => ({
      name: snapshot,
      state,
      taken_at: new Date(start_time ?? 0).toISOString(),
      index: indices[0] ?? '',
    }))
  }
  const one = async (name: string): Promise<IndexSnapshot> => {
    const all = await list()
    const found =
      name === 'latest' ? all.findLast(({ state }) => state === 'SUCCESS') : all.find((each) => each.name === name)
    if (found === undefined) throw new Error(`there is no snapshot ${name} in ${repository}`)
    return found
  }
  return {
    list,
    async take() {
      await setRepository(client, repository).catch((thrown: unknown) => Promise.reject(told(thrown)))
      const [index] = await inUse()
      if (index === undefined) throw new Error(`there is no index ${alias}`)
      const name = `${alias}-${stamp()}`
      const what = {
        repository,
        snapshot: name,
        indices: index,
        include_global_state: false,
        wait_for_completion: true,
      }
      await client.snapshot.create(what, patience).catch((thrown: unknown) => Promise.reject(told(thrown)))
      const taken = await one(name)
      if (taken.state !== 'SUCCESS') throw new Error(`the snapshot ${name} is ${taken.state}`)
      return taken
    },
    async restore(name) {
      const { name: snapshot, state, index: from } = await one(name)
      if (state !== 'SUCCESS') throw new Error(`the snapshot ${snapshot} is ${state}`)
      const index = `${from.replace(/-restored-\d+$/, '')}-restored-${stamp()}`
      const what = {
        repository,
        snapshot,
        indices: from,
        rename_pattern: '.+',
        rename_replacement: index,
        include_aliases: false,
        wait_for_completion: true,
      }
      const { snapshot: done } = await client.snapshot
        .restore(what, patience)
        .catch((thrown: unknown) => Promise.reject(told(thrown)))
      if (done?.shards.failed !== 0) throw new Error(`${index} could not be restored as a whole`)
      const replaced = await inUse()
      await client.indices.updateAliases({
        actions: [
          ...replaced.map((old) => ({ remove: { index: old, alias } })),
          { add: { index, alias, is_write_index: true } },
        ],
      })
      return { index, replaced }
    },
    async remove(name) {
      const { name: snapshot } = await one(name)
      await client.snapshot.delete({ repository, snapshot }, patience)
    },
  }
}

const isIndex = (key: string) => key !== 'error' && key !== 'status'

/** What the engine says is wrong, in a line. */
function told(thrown: unknown): unknown {
  if (!(thrown instanceof errors.ResponseError)) return thrown
  const { error } = (thrown.body ?? {}) as { error?: { reason?: string; caused_by?: { reason?: string } } }
  return new Error(error?.caused_by?.reason ?? error?.reason ?? thrown.message, { cause: thrown })
}
