import type { DirtyMark, RecordCache } from '@ordermill/cache'
import type { Ledger, RecordReader } from '@ordermill/database'
import { type Collection, newId } from '@ordermill/model'
import { type Publisher, recordMessage } from '@ordermill/queue'
import type { Logger, WorkerMetrics } from '@ordermill/telemetry'
import type { BarrierSender } from './barriers.ts'

interface SweeperParts {
  collection: Collection
  cache: Pick<RecordCache, 'marksOlderThan' | 'settle' | 'readVersion' | 'park'>
  stored: Pick<RecordReader, 'persisted'>
  ledger: Pick<Ledger, 'find'>
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
 * waiting in a long queue: a barrier is sent after it, and what is still dirty when that came through was parked and Redis forgot
 * it, or was lost by the broker: then it is published again.
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
    const lost = await turnParked(await settlePersisted(sweep.marks, parts), parts)
    sweep = undefined
    if (lost.length > 0) await publishAgain(lost, parts)
  }
}

/** Settles those that Postgres has; gives the others. */
export async function settlePersisted<M extends DirtyMark>(
  marks: M[],
  {
    cache,
    stored,
    metrics,
  }: Pick<SweeperParts, 'metrics'> & {
    cache: Pick<RecordCache, 'settle'>
    stored: Pick<RecordReader, 'persisted'>
  },
): Promise<M[]> {
  if (marks.length === 0) return []
  const persisted = await stored.persisted(marks)
  const settled = await cache.settle(persisted)
  if (settled > 0) metrics.flushed.inc({ outcome: 'settled' }, settled)
  const known = new Set(persisted.map(({ id, version }) => `${id}:${version}`))
  return marks.filter(({ id, version }) => !known.has(`${id}:${version}`))
}

/** Redis may forget that it was told of a parking: it is told again. Gives the others. */
async function turnParked(
  marks: DirtyMark[],
  { cache, ledger }: Pick<SweeperParts, 'cache' | 'ledger'>,
): Promise<DirtyMark[]> {
  if (marks.length === 0) return []
  const parked = (await ledger.find(marks)).filter(({ state }) => state === 'PARKED')
  await cache.park(parked)
  const known = new Set(parked.map(({ id, version }) => `${id}:${version}`))
  return marks.filter(({ id, version }) => !known.has(`${id}:${version}`))
}

async function publishAgain(lost: DirtyMark[], parts: SweeperParts): Promise<void> {
  const { taken } = await publishInOrder(lost, parts)
  parts.metrics.flushed.inc({ outcome: 'published' }, taken.length)
  parts.log.warn({ published: taken.length, dirty: lost.length }, 'the broker had lost these, and got them again')
}

/**
 * Publishes dirty versions: of each record the oldest first, and the next only once the broker has that one. Gives those that it
 * took, and what the first of the others failed with, if any did.
 */
export async function publishInOrder<M extends DirtyMark>(
  marks: M[],
  {
    collection,
    cache,
    publisher,
    exchange,
  }: Pick<SweeperParts, 'collection' | 'publisher' | 'exchange'> & {
    cache: Pick<RecordCache, 'readVersion'>
  },
): Promise<{ taken: M[]; failed: unknown }> {
  const { name, type } = collection
  const taken: M[] = []
  const tried = await Promise.allSettled(
    [...Map.groupBy(marks, ({ id }) => id).values()].map(async (ofOne) => {
      for (const mark of ofOne.sort((a, b) => a.version - b.version)) {
        const version = await cache.readVersion(mark)
        if (version === undefined) continue // replaced once the broker had it, or settled meanwhile
        await publisher.publish(recordMessage(version, { exchange, collection: name, type }))
        taken.push(mark)
      }
    }),
  )
  return { taken, failed: tried.find((one) => one.status === 'rejected')?.reason }
}
