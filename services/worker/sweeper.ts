import type { DirtyMark, RecordCache } from '@ordermill/cache'
import type { RecordReader } from '@ordermill/database'
import { type Collection, newId } from '@ordermill/model'
import { type Publisher, recordMessage } from '@ordermill/queue'
import type { Logger, WorkerMetrics } from '@ordermill/telemetry'
import type { BarrierSender } from './barriers.ts'

interface SweeperParts {
  collection: Collection
  cache: Pick<RecordCache, 'marksOlderThan' | 'settle' | 'readVersion'>
  stored: Pick<RecordReader, 'persisted'>
  sender: Pick<BarrierSender, 'send'>
  publisher: Pick<Publisher, 'publish'>
  exchange: string
  /** How long a version may be dirty before it is looked after, in milliseconds. */
  after_ms: number
  log: Logger
  metrics: Pick<WorkerMetrics, 'flushed'>
}

/** How many versions it takes at a time. */
const page = 500

/**
 * Looks after what the broker has confirmed and what is dirty for long all the same. What Postgres has is settled. The rest may be
 * waiting in a long queue: a barrier is sent after it, and what is still dirty when that came through was lost by the broker, and
 * is published again.
 */
export function createSweeper(parts: SweeperParts): () => Promise<void> {
  let sweep: { barrier: string; marks: DirtyMark[] } | undefined
  return async () => {
    if (sweep === undefined) {
      const missing = await settlePersisted(await parts.cache.marksOlderThan('sent', parts.after_ms, page), parts)
      if (missing.length === 0) return
      sweep = { barrier: `sweep-${newId()}`, marks: missing }
    }
    if (!(await parts.sender.send(sweep.barrier))) return
    const lost = await settlePersisted(sweep.marks, parts)
    sweep = undefined
    if (lost.length > 0) await publishAgain(lost, parts)
  }
}

/** Settles those that Postgres has; gives the others. */
async function settlePersisted(marks: DirtyMark[], { cache, stored, metrics }: SweeperParts): Promise<DirtyMark[]> {
  if (marks.length === 0) return []
  const persisted = await stored.persisted(marks)
  const settled = await cache.settle(persisted)
  if (settled > 0) metrics.flushed.inc({ outcome: 'settled' }, settled)
  const known = new Set(persisted.map(({ id, version }) => `${id}:${version}`))
  return marks.filter(({ id, version }) => !known.has(`${id}:${version}`))
}

/** Of each record the oldest version first, and the next only once the broker has that one. */
async function publishAgain(lost: DirtyMark[], parts: SweeperParts): Promise<void> {
  const { collection, cache, publisher, exchange, log, metrics } = parts
  const ofOne = Map.groupBy(lost, ({ id }) => id)
  const tried = await Promise.allSettled(
    [...ofOne.values()].map(async (marks) => {
      let published = 0
      for (const mark of marks.sort((a, b) => a.version - b.version)) {
        const version = await cache.readVersion(mark)
        if (version === undefined) continue // replaced once the broker had it, or settled meanwhile
        await publisher.publish(
          recordMessage(version, { exchange, collection: collection.name, type: collection.type }),
        )
        published += 1
      }
      return published
    }),
  )
  const published = tried.reduce((sum, one) => sum + (one.status === 'fulfilled' ? one.value : 0), 0)
  metrics.flushed.inc({ outcome: 'published' }, published)
  log.warn({ published, dirty: lost.length }, 'the broker had lost these, and got them again')
}
