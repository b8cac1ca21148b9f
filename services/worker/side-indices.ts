import type { SearchIndex, SearchIndices } from '@ordermill/database'
import { toError } from '@ordermill/model'
import type { Indices } from '@ordermill/search'
import type { Logger } from '@ordermill/telemetry'
import type { Follower } from './follower.ts'
import { pause } from './waiting.ts'

interface SideIndicesParts {
  registry: Pick<SearchIndices, 'list' | 'forget'>
  indices: Pick<Indices, 'remove'>
  /** The definition of this program: what is being built by another one is left to others. */
  digest: string
  makeFollower(index: SearchIndex): Follower
  log: Logger
}

/** How often is looked which there are. */
const look_ms = 1_000
const open = ['OPEN', 'IN_QUEUE', 'PROCESSING', 'RETRY_IN_QUEUED']

/** Follows for the indices that do not serve: one that is being built, one that is kept. */
export function createSideIndices({ registry, indices, digest, makeFollower, log }: SideIndicesParts) {
  const running = new Map<string, { follower: Follower; role: string; end(): Promise<void> }>()

  const look = async (signal: AbortSignal) => {
    const all = await registry.list()
    for (const index of all.filter(({ role, job_state }) => role === 'building' && !open.includes(job_state ?? ''))) {
      // Its job has ended, and it never came to serve.
      await indices.remove(index.name)
      await registry.forget(index.uuid)
      log.info({ index: index.name, job: index.job }, 'an index that was not finished is removed')
    }
    const wanted = all.filter(
      ({ role, definition }) => role === 'kept' || (role === 'building' && definition === digest),
    )
    for (const [uuid, { role, end }] of running) {
      if (wanted.some((one) => one.uuid === uuid && one.role === role)) continue
      running.delete(uuid)
      await end()
    }
    for (const index of wanted) {
      if (running.has(index.uuid)) continue
      const ending = new AbortController()
      const follower = makeFollower(index)
      const done = follower.run(AbortSignal.any([signal, ending.signal]))
      const end = () => {
        ending.abort()
        follower.wake()
        return done
      }
      running.set(index.uuid, { follower, role: index.role, end })
    }
  }
  return {
    wake() {
      for (const { follower } of running.values()) follower.wake()
    },
    states: () => Object.fromEntries([...running.values()].map(({ role, follower }) => [role, follower.state()])),
    async run(signal: AbortSignal): Promise<void> {
      while (!signal.aborted) {
        await look(signal).catch((thrown: unknown) =>
          log.debug({ err: toError(thrown) }, 'indices that do not serve are looked at later'),
        )
        await pause(look_ms, signal)
      }
      await Promise.all([...running.values()].map(({ end }) => end()))
    },
  }
}
