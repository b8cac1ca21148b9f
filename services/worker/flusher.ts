import type { RecordCache } from '@ordermill/cache'
import type { Leases, RecordReader } from '@ordermill/database'
import { type Collection, toError } from '@ordermill/model'
import { type Publisher, recordMessage } from '@ordermill/queue'
import type { Logger, WorkerMetrics } from '@ordermill/telemetry'
import { pause } from './waiting.ts'

interface FlusherParts {
  collection: Collection
  cache: RecordCache
  stored: RecordReader
  leases: Leases
  publisher: Pick<Publisher, 'publish' | 'state'>
  exchange: string
  /** How long a record may be dirty before it is looked after, in milliseconds. */
  after_ms: number
  log: Logger
  metrics: WorkerMetrics
}

/** How often it looks, how long its lease lasts, and how many records it takes at a time. */
const every_ms = 1_000
const lease_ms = 10_000
const page = 500

/**
 * Looks after what stays dirty: publishes again what the broker never confirmed (at once when the broker is back), and settles
 * what Postgres already has. One flusher at a time.
 */
export async function runFlusher(parts: FlusherParts, signal: AbortSignal): Promise<void> {
  const { collection, leases, publisher, log } = parts
  let broker = publisher.state()
  while (!signal.aborted) {
    await pause(every_ms, signal)
    const before = broker
    broker = publisher.state()
    if (signal.aborted || broker === 'away' || broker === 'blocked') continue
    const isBack = before === 'away' || before === 'blocked'
    try {
      if ((await leases.hold(`flusher:${collection.name}`, lease_ms)) === undefined) continue
      while (!signal.aborted && (await publishUnsent(parts, isBack ? 0 : parts.after_ms)) === page)
        await pause(10, signal)
      await settlePersisted(parts)
    } catch (thrown) {
      log.warn({ err: toError(thrown) }, 'the flusher tries again')
      broker = before // what was to be done at once still is
    }
  }
}

/** Publishes unsent versions again; of each record the oldest first, and the next only once the broker has that one. */
async function publishUnsent(
  { collection, cache, publisher, exchange, metrics }: FlusherParts,
  age_ms: number,
): Promise<number> {
  const marks = await cache.marksOlderThan('unsent', age_ms, page)
  const firsts = new Map(marks.toReversed().map((mark) => [mark.id, mark]))
  const sent = await Promise.all(
    [...firsts.values()].map(async (mark) => {
      const version = await cache.readVersion(mark)
      if (version === undefined) return []
      await publisher.publish(recordMessage(version, { exchange, collection: collection.name, type: collection.type }))
      metrics.flushed.inc({ outcome: 'published' })
      return [mark]
    }),
  )
  await cache.markSent(sent.flat())
  return marks.length
}

async function settlePersisted({ cache, stored, metrics, after_ms }: FlusherParts): Promise<void> {
  const marks = await cache.marksOlderThan('sent', after_ms, page)
  if (marks.length === 0) return
  const settled = await cache.settle(await stored.persisted(marks))
  metrics.flushed.inc({ outcome: 'settled' }, settled)
}
