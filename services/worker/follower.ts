import type { Cursors, Leases, RecordReader } from '@ordermill/database'
import { type Collection, toError } from '@ordermill/model'
import { EngineRefused, type IndexWriter } from '@ordermill/search'
import type { Logger, WorkerMetrics } from '@ordermill/telemetry'
import { backoff_ms, pause } from './waiting.ts'

interface FollowerParts {
  /** Who follows: in metrics, and in what it holds while it does. */
  name: 'search' | 'texts' | 'changes'
  collection: Collection
  stored: RecordReader
  cursors: Cursors
  leases: Leases
  writer: IndexWriter
  /** Most documents in one call, and how often to look when nobody wakes us, in milliseconds. */
  batch: number
  every_ms: number
  log: Logger
  metrics: Pick<WorkerMetrics, 'follow' | 'followed' | 'behind'>
  /** Which part of its time it may work while others are at work who come first; all of it if absent. */
  share?: { of_time: number; othersWork(): boolean }
}

export interface Follower {
  /** There is something to read. */
  wake(): void
  /** Follows until `signal` aborts; what it was at is finished. */
  run(signal: AbortSignal): Promise<void>
}

/** How long the lease of a follower lasts, and how often the index itself is looked at while nothing changes. */
const lease_ms = 15_000
const look_ms = 5_000
/** How often it looks whether those who come first are still at work. */
const patience_ms = 25

/**
 * Feeds a search index, or whatever else writes, from its table in change order. The cursor moves only over what was answered for;
 * an engine that refuses the index stops it, loudly, and no row is passed.
 */
export function createFollower(parts: FollowerParts): Follower {
  const { collection, stored, cursors, leases, writer, log, metrics } = parts
  const labels = { collection: collection.name, follower: parts.name }
  const lease = `${parts.name}:${collection.name}`
  let wake = () => {}
  const rest = (ms: number, signal: AbortSignal) =>
    pause(ms, signal, (wakeUp) => {
      wake = wakeUp
    })

  /** Waits for its share of the time to come round, and no longer than others are at work. */
  const letOthers = async (worked_ms: number, signal: AbortSignal): Promise<void> => {
    const { of_time = 1, othersWork = () => false } = parts.share ?? {}
    const until = performance.now() + worked_ms * (1 / of_time - 1)
    for (
      let left = until - performance.now();
      left > 0 && othersWork() && !signal.aborted;
      left = until - performance.now()
    )
      await pause(Math.min(left, patience_ms), signal)
  }

  /** Feeds until the lease or the index has to be looked at again. Gives whether there was anything to do. */
  const feed = async (signal: AbortSignal): Promise<void> => {
    if ((await leases.hold(lease, lease_ms)) === undefined) return rest(lease_ms / 5, signal)
    const until = performance.now() + look_ms
    const index = await writer.ensure()
    let cursor = await cursors.open(index)
    while (!signal.aborted && performance.now() < until) {
      const started = performance.now()
      const next = await step(index.uuid, cursor)
      if (next === undefined) return // somebody else moved the cursor: start over from where it is
      if (next.moved) {
        cursor = next.cursor
        await letOthers(performance.now() - started, signal)
      } else await rest(next.retry ? backoff_ms(3) : parts.every_ms, signal)
    }
  }

  const step = async (uuid: string, cursor: number) => {
    const changes = await stored.changesAfter(cursor, parts.batch)
    const last = changes.at(-1)
    if (last === undefined) {
      metrics.behind.set(labels, 0)
      return { cursor, moved: false, retry: false }
    }
    const started = performance.now()
    const results = await writer.write(changes)
    metrics.follow.observe({ follower: parts.name }, (performance.now() - started) / 1_000)
    const firstRetry = results.findIndex(({ outcome }) => outcome === 'retry')
    const passed = firstRetry < 0 ? changes : changes.slice(0, firstRetry)
    const rejects = passed.flatMap(({ id, change_seq }, at) => {
      const result = results[at]
      return result?.outcome === 'rejected' ? [{ id, change_seq, reason: result.reason }] : []
    })
    for (const { outcome } of results) metrics.followed.inc({ ...labels, outcome })
    if (rejects.length > 0) {
      await cursors.reject(uuid, rejects)
      log.error({ rejects: rejects.length, first: rejects[0] }, 'the engine will never take these documents')
    }
    const to = passed.at(-1)?.change_seq
    if (to === undefined) return { cursor, moved: false, retry: true }
    if (!(await cursors.move(uuid, cursor, to))) return undefined
    const full = changes.length === parts.batch
    metrics.behind.set(labels, full ? Math.max(0, (await stored.lastChange()) - to) : 0)
    return { cursor: to, moved: true, retry: false }
  }

  return {
    wake: () => wake(),
    async run(signal) {
      let failures = 0
      while (!signal.aborted) {
        try {
          await feed(signal)
          if (failures > 0) log.info('the follower goes on')
          failures = 0
        } catch (thrown) {
          failures += 1
          const level = thrown instanceof EngineRefused ? 'error' : 'warn'
          if (Number.isInteger(Math.log2(failures)))
            log[level]({ err: toError(thrown), failures }, 'the follower waits')
          await pause(backoff_ms(failures), signal)
        }
      }
      await leases.release(lease).catch(() => undefined) // it ends by itself
    },
  }
}
