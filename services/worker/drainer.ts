import type { RecordCache } from '@ordermill/cache'
import type { Ledger } from '@ordermill/database'
import type { Collection, Unavailable } from '@ordermill/model'
import type { Batch, Consumer } from '@ordermill/queue'
import type { Logger } from '@ordermill/telemetry'
import { readParked } from './parked-message.ts'
import { GivenUp, retryWhileUnavailable } from './retry.ts'

interface DrainerParts {
  collection: Collection
  consumer: Pick<Consumer, 'batches'>
  ledger: Pick<Ledger, 'keep'>
  cache: Pick<RecordCache, 'park'>
  log: Logger
  /** Aborted when the worker stops without waiting any longer. */
  stop: AbortSignal
}

/**
 * Takes what was parked from the queue, which is transit only, into the ledger until the consumer ends.
 * | step                                  | when it cannot now                          |
 * | the ledger has committed the message  | tried again for as long as it takes         |
 * | its mark in the cache became `parked` | tried again: a mark that stays is in nobody's hands |
 * | acked                                 | it comes again, as one attempt more         |
 */
export async function runDrainer(parts: DrainerParts): Promise<void> {
  for await (const batch of parts.consumer.batches()) await drain(batch, parts)
}

async function drain(batch: Batch, { collection, ledger, cache, log, stop }: DrainerParts): Promise<void> {
  const signal = AbortSignal.any([batch.signal, stop])
  const onRetry = (err: Unavailable, attempt: number) => {
    if (Number.isInteger(Math.log2(attempt))) log.warn({ err, attempt }, 'parked messages wait, and are tried again')
  }
  const messages = batch.deliveries.map((delivery) => readParked(collection, delivery))
  const marks = messages.flatMap(({ id, version, hash }) =>
    id === null || version === null || hash === null ? [] : [{ id, version, hash }],
  )
  try {
    await retryWhileUnavailable(() => ledger.keep(messages), { signal, onRetry })
    await retryWhileUnavailable(() => cache.park(marks), { signal, onRetry })
    batch.settled(batch.deliveries)
    for (const { code, reason, id, version, correlationId: correlation_id } of messages)
      log.info({ code, reason, [`${collection.title}_id`]: id, version, correlation_id }, 'kept in the ledger')
  } catch (thrown) {
    if (!(thrown instanceof GivenUp)) throw thrown
    log.warn({ messages: messages.length }, 'parked messages were given up: the queue hands them out again')
  }
}
