import type { Dirty, Marked, RecordCache } from '@ordermill/cache'
import type { RecordReader } from '@ordermill/database'
import { type Collection, Unavailable } from '@ordermill/model'
import type { Publisher } from '@ordermill/queue'
import type { WorkerMetrics } from '@ordermill/telemetry'
import type { JobHandler } from './jobs.ts'
import { publishInOrder, settlePersisted } from './sweeper.ts'

interface FlushParts {
  collection: Collection
  cache: Pick<RecordCache, 'settle' | 'readVersion' | 'markSent'>
  dirty: Pick<Dirty, 'page' | 'ofRecord'>
  stored: Pick<RecordReader, 'persisted' | 'read'>
  publisher: Pick<Publisher, 'publish'>
  exchange: string
  metrics: Pick<WorkerMetrics, 'flushed'>
}

/** How many dirty versions it takes at a time. */
const page = 500

/**
 * The job that looks after what is dirty now, however young: settles what Postgres has, and publishes what of the rest the broker
 * has not confirmed. What waits in the queue stays as it is. Of one record, or of all.
 */
export function createFlush(parts: FlushParts): JobHandler {
  const { cache, dirty, stored, metrics } = parts
  return async ({ arguments: { id }, signal, report }) => {
    const done = { published: 0, settled: 0, waiting: 0 }
    const flush = async (marks: Marked[]) => {
      const missing = new Set(await settlePersisted(marks, parts))
      const left = marks.filter((mark) => missing.has(mark))
      const { taken, failed } = await publishInOrder(
        left.filter(({ mark }) => mark === 'unsent'),
        parts,
      )
      await cache.markSent(taken)
      if (taken.length > 0) metrics.flushed.inc({ outcome: 'published' }, taken.length)
      if (failed !== undefined)
        throw new Unavailable('queue-away', 'The broker did not take what is to be published.', { cause: failed })
      done.published += taken.length
      done.settled += marks.length - left.length
      done.waiting += left.length - taken.length
    }
    if (typeof id === 'string') {
      const marks = await dirty.ofRecord(id, (await stored.read(id))?.version ?? 1)
      await flush(marks.filter(({ mark }) => mark !== 'parked'))
      return done
    }
    for (let after: Marked | undefined; ; ) {
      const marks = await dirty.page(['unsent', 'sent'], page, after)
      await flush(marks)
      after = marks.at(-1)
      if (marks.length < page) return done
      if (signal.aborted || !(await report(done))) throw new Unavailable('stopping', 'The flush was stopped.')
    }
  }
}
