import type { Barriers, DirtyMark, RecordCache } from '@ordermill/cache'
import type { Leases, Ledger, RecordReader } from '@ordermill/database'
import { type Collection, toError } from '@ordermill/model'
import { type Publisher, recordMessage } from '@ordermill/queue'
import type { Logger, WorkerMetrics } from '@ordermill/telemetry'
import { createBarrierSender } from './barriers.ts'
import { createSweeper } from './sweeper.ts'
import { pause } from './waiting.ts'

interface FlusherParts {
  collection: Collection
  cache: RecordCache
  barriers: Barriers
  stored: RecordReader
  ledger: Pick<Ledger, 'find'>
  leases: Leases
  publisher: Pick<Publisher, 'publish' | 'state'>
  exchange: string
  /** How long a record may be dirty before it is looked after, in milliseconds. */
  after_ms: number
  log: Logger
  metrics: WorkerMetrics
}

/** How often it looks, how long its lease lasts, and how many records it takes at a time. */
const every_ms = 500
const lease_ms = 10_000
const page = 500

/**
 * Looks after what stays dirty: publishes again what the broker never confirmed (once the broker is back at once, but for what came
 * since it was last seen away: whoever accepted that is about to publish it), settles what Postgres already has, publishes what the
 * broker lost, and sends the barrier that a new epoch waits for. One flusher at a time.
 */
export async function runFlusher(parts: FlusherParts, signal: AbortSignal): Promise<void> {
  const { collection, leases, publisher, log } = parts
  const sender = createBarrierSender(parts)
  const sweep = createSweeper({ ...parts, sender })
  /** When the broker was last seen away or blocked, until what was accepted before that has been published. */
  let awayAt: number | undefined
  const look = () => {
    const isAway = ['away', 'blocked'].includes(publisher.state())
    if (isAway) awayAt = performance.now()
    return isAway
  }
  look()
  while (!signal.aborted) {
    await pause(every_ms, signal)
    if (look() || signal.aborted) continue
    try {
      const hold = () => leases.hold(`flusher:${collection.name}`, lease_ms)
      if ((await hold()) === undefined) continue
      const age_ms = () => Math.min(parts.after_ms, awayAt === undefined ? Infinity : performance.now() - awayAt)
      let isHeld = true
      while (isHeld && !signal.aborted && (await publishUnsent(parts, Math.floor(age_ms()))) > 0) {
        await pause(10, signal)
        isHeld = (await hold()) !== undefined
      }
      if (!isHeld || signal.aborted) continue
      awayAt = undefined
      await sender.catchUp()
      await sweep()
    } catch (thrown) {
      log.warn({ err: toError(thrown) }, 'the flusher tries again') // what was to be done at once still is
    }
  }
}

/**
 * Publishes unsent versions again; of each record the oldest first, and the next only once the broker has that one. Gives how many.
 * @throws whatever a publish failed with, after the others were marked
 */
async function publishUnsent(parts: FlusherParts, age_ms: number): Promise<number> {
  const { collection, cache, publisher, exchange, metrics } = parts
  const firsts = new Map<string, DirtyMark>()
  for (const mark of await cache.marksOlderThan('unsent', age_ms, page))
    if (mark.version < (firsts.get(mark.id)?.version ?? Number.POSITIVE_INFINITY)) firsts.set(mark.id, mark)
  const textless: DirtyMark[] = []
  const tried = await Promise.allSettled(
    [...firsts.values()].map(async (mark) => {
      const version = await cache.readVersion(mark)
      if (version === undefined) {
        textless.push(mark)
        return []
      }
      await publisher.publish(recordMessage(version, { exchange, collection: collection.name, type: collection.type }))
      metrics.flushed.inc({ outcome: 'published' })
      return [mark]
    }),
  )
  const sent = tried.flatMap((one) => (one.status === 'fulfilled' ? one.value : []))
  await cache.markSent(sent)
  await settleTextless(textless, parts)
  const failed = tried.find((one) => one.status === 'rejected')
  if (failed !== undefined) throw failed.reason
  return sent.length
}

/** A mark without its text: settled if Postgres has it; else it can only be told of. */
async function settleTextless(marks: DirtyMark[], { cache, stored, log }: FlusherParts): Promise<void> {
  if (marks.length === 0) return
  const persisted = await stored.persisted(marks)
  await cache.settle(persisted)
  const known = new Set(persisted.map(({ id, version }) => `${id}:${version}`))
  const missing = marks.filter(({ id, version }) => !known.has(`${id}:${version}`))
  if (missing.length > 0)
    log.warn({ missing: missing.length, first: missing[0] }, 'unsent without its text: sent meanwhile, or lost')
}
