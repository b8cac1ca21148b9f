import type { Cursors, Leases, RecordReader, Rejects } from '@ordermill/database'
import { breakerStates, type Collection, createBreaker, toError, Unavailable } from '@ordermill/model'
import { EngineRefused, type IndexWriter } from '@ordermill/search'
import type { Logger, WorkerMetrics } from '@ordermill/telemetry'
import { follow } from './following.ts'
import { underLease } from './lease.ts'
import { backoff_ms, pause } from './waiting.ts'
import { createImpatience, type Yielding } from './yielding.ts'

export type FollowerName = 'search' | 'building' | 'kept' | 'texts' | 'changes'

export interface FollowerParts {
  /** Who follows: in metrics, and in what it holds while it does. */
  name: FollowerName
  collection: Collection
  stored: Pick<RecordReader, 'changesAfter' | 'lastChange'>
  cursors: Cursors
  rejects: Rejects
  /** For a holder that nobody else is. */
  leases: Leases
  writer: IndexWriter
  /** Most documents in one call, and how often to look when nobody wakes us, in milliseconds. */
  batch: number
  every_ms: number
  /** How long whoever follows may say nothing before another one takes over, in milliseconds. */
  lease_ms?: number
  /** How often at most searches get to find what was written while much is; undefined where nobody asks up to where they do. */
  refresh_ms?: number
  log: Logger
  metrics: Pick<WorkerMetrics, 'follow' | 'followed' | 'behind' | 'followerStopped' | 'followerBreaker'>
  /** Whom it lets go first; nobody if absent. */
  yielding?: Yielding
}

export interface Follower {
  /** There is something to read. */
  wake(): void
  /** `follows`, `stands by` while another one follows, or what it waits for. */
  state(): string
  /** Follows until `signal` aborts; what it was at is finished. */
  run(signal: AbortSignal): Promise<void>
}

/** How long the lease of a follower lasts, and how often the index itself is looked at while nothing changes. */
const defaultLease_ms = 10_000
const look_ms = 5_000

/**
 * Feeds a search index, or whatever else writes, from its table in change order. One at a time feeds an index. The cursor moves only
 * over what was answered for; an engine that refuses the index stops it, loudly, and no row is passed.
 */
export function createFollower(parts: FollowerParts): Follower {
  const { name, collection, cursors, leases, writer, log, metrics, lease_ms = defaultLease_ms } = parts
  const labels = { collection: collection.name, follower: name }
  const impatience = createImpatience()
  let wakeUp = () => {}
  let woken = false
  let state = 'starts'
  const breaker = createBreaker({ failuresMax: 1, rest_ms: (time) => backoff_ms(time), now: () => performance.now() })
  let held: string | undefined
  let said: string | undefined
  const rest = async (ms: number, signal: AbortSignal) => {
    if (!woken)
      await pause(ms, signal, (up) => {
        wakeUp = up
      })
    woken = false
  }

  const showBreaker = () => {
    for (const one of breakerStates)
      metrics.followerBreaker.set({ ...labels, state: one }, one === breaker.state() ? 1 : 0)
  }
  /** All that it needs has answered. */
  const works = (as: string) => {
    if (state === as && breaker.failures() === 0) return
    if (breaker.failures() > 0) log.info({ follower: name }, 'the follower goes on: its breaker is closed')
    breaker.tell('ok')
    state = as
    metrics.followerStopped.set(labels, 0)
    showBreaker()
  }
  const fails = (thrown: unknown) => {
    breaker.tell('failed')
    const refused = thrown instanceof EngineRefused
    const code = refused || thrown instanceof Unavailable ? thrown.code : 'failed'
    state = `${refused ? 'stopped' : 'waits'}: ${code}`
    metrics.followerStopped.set(labels, refused ? 1 : 0)
    showBreaker()
    const failures = breaker.failures()
    if (!Number.isInteger(Math.log2(failures))) return
    const rest_ms = Math.round(breaker.left_ms())
    const fields = { err: toError(thrown), follower: name, failures, breaker: breaker.state(), rest_ms }
    if (refused) log.error(fields, 'the search engine refuses the index: the follower stops, and passes nothing')
    else log.warn(fields, 'the follower waits')
  }

  /** Feeds until the index has to be looked at again. */
  const feed = async (signal: AbortSignal): Promise<void> => {
    const index = await writer.ensure()
    const lease = index.lease ?? `${name}:${collection.name}`
    const differs = index.differs?.join() ?? ''
    if (differs !== (said ?? '')) {
      said = differs
      const text = 'the search index is of another definition: reindex to have what differs'
      if (differs !== '') log.warn({ index: index.name, differs: index.differs }, text)
    }
    const isFree = await underLease({ leases, name: lease, ttl_ms: lease_ms, signal }, async (token, inner) => {
      held = lease
      const place = await cursors.open(index, token)
      if (place !== undefined) {
        const as = differs === '' ? 'follows' : `follows an index of another definition: ${differs}`
        return await follow(
          { ...parts, labels, impatience, rest, works: () => works(as) },
          { index, token, place, until: performance.now() + look_ms },
          inner,
        )
      }
      works('stands by')
      await leases.release(lease) // paused, and who paused the index waits for it; or it came late
      await rest(parts.every_ms, signal)
    })
    if (isFree) return
    works('stands by')
    await rest(lease_ms / 5, signal)
  }

  return {
    wake() {
      woken = true // also while it does something else than to wait
      wakeUp()
    },
    state: () => state,
    async run(signal) {
      while (!signal.aborted) {
        await pause(breaker.left_ms(), signal)
        if (signal.aborted || !breaker.admits()) continue
        showBreaker()
        try {
          await feed(signal)
        } catch (thrown) {
          fails(thrown)
        }
      }
      for (const one of [metrics.behind, metrics.followerStopped]) one.remove(labels)
      for (const one of breakerStates) metrics.followerBreaker.remove({ ...labels, state: one })
      if (held !== undefined) await leases.release(held).catch(() => undefined) // it ends by itself
    },
  }
}
