import type { Cursors, Leases, SearchIndex, SearchIndices } from '@ordermill/database'
import { Unavailable } from '@ordermill/model'
import type { Indices } from '@ordermill/search'
import { pause } from './waiting.ts'

export interface SwitchParts {
  registry: SearchIndices
  indices: Indices
  cursors: Pick<Cursors, 'passed'>
  /** For a holder that is no follower. */
  leases: Leases
}

/** How long the one that serves may stand still, how long is waited for whoever feeds it or the other one, and how often is looked. */
const paused_ms = 60_000
const patience_ms = 30_000
const look_ms = 50

/**
 * Has searches ask another index: the one that serves stands still, the other one passes it and is refreshed, and the alias turns in one
 * call. So searches never find less than they did. What served before is kept, and fed on. Gives its name. May be repeated.
 * @throws Unavailable if one of them does not come so far
 */
export async function switchTo(to: SearchIndex, parts: SwitchParts, signal: AbortSignal): Promise<string> {
  const { registry, indices, cursors, leases } = parts
  const from = (await registry.list()).find(({ role }) => role === 'serving')
  if (from === undefined) throw new Unavailable('not-serving', 'No index serves yet.')
  if (from.uuid === to.uuid) return from.name
  const standing = await indices.find(from.name)
  const lease = `index:${standing?.uuid ?? from.uuid}`
  await registry.pause(from.uuid, paused_ms)
  try {
    const token = await until(() => leases.hold(lease, paused_ms), 'whoever feeds the index lets go of it', signal)
    await registry.pause(from.uuid, paused_ms, token)
    const passed = await cursors.passed(from.uuid)
    const there = async () => ((await cursors.passed(to.uuid)) >= passed ? passed : undefined)
    await until(there, 'the other index has come as far', signal)
    await indices.refresh(to.name)
    await indices.swap(from.name, to.name)
    await registry.serve(to.uuid, passed)
    return from.name
  } finally {
    await registry.pause(from.uuid, 0).catch(() => undefined) // it ends by itself
    await leases.release(lease).catch(() => undefined)
  }
}

async function until<T>(look: () => Promise<T | undefined>, what: string, signal: AbortSignal): Promise<T> {
  const end = performance.now() + patience_ms
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    if (performance.now() > end || signal.aborted) throw new Unavailable('switch-late', `Not in time: ${what}.`)
    await pause(look_ms, signal)
  }
}
