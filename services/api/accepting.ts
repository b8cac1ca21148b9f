import type { RecordCache } from '@ordermill/cache'
import { type Collection, Unavailable, type Version } from '@ordermill/model'
import { type Publisher, PublishFailed, recordMessage } from '@ordermill/queue'
import type { Marker } from './marker.ts'

/** Who asks, and what joins all that it causes. */
export interface Caller {
  correlationId: string
  traceparent: string | undefined
  /** The Idempotency-Key, where one was sent. */
  key: string | undefined
  /** Where the worker shall say what became of it; undefined: nobody waits. */
  replyTo: string | undefined
}

/** Takes versions into the cache and onto the queue. */
export interface Acceptor {
  /**
   * Accepts a version built on `base` (nothing for a first one). After 'accepted' it is safe: confirmed by the broker, or journaled.
   * 'exists': another version stands. 'absent': the base is not cached. Then nothing was written.
   * @throws Unavailable before anything was written; `outcome-open` after
   */
  accept(version: Version, base: Version | undefined, caller: Caller): Promise<'accepted' | 'exists' | 'absent'>
}

export interface AcceptorParts {
  collection: Collection
  cache: Pick<RecordCache, 'accept'>
  /** Whether the cache alone may vouch for a record while the broker is away. */
  durable(): boolean
  publisher: Pick<Publisher, 'publish' | 'state'>
  exchange: string
  marker: Marker
  onAccepted(): void
}

export function createAcceptor({
  collection,
  cache,
  durable,
  publisher,
  exchange,
  marker,
  onAccepted,
}: AcceptorParts): Acceptor {
  const publish = async (version: Version, { correlationId, traceparent, replyTo }: Partial<Caller>) => {
    const { name, type } = collection
    await publisher.publish(
      recordMessage(version, { exchange, collection: name, type, correlationId, traceparent, replyTo }),
    )
    marker.sent(version)
  }
  return {
    async accept(version, base, caller) {
      shed(publisher.state(), durable()) // every reason to refuse comes before anything is written
      const accepted = await cache.accept(version, base)
      if (accepted.outcome === 'limit')
        throw new Unavailable('dirty-limit', 'Too many records wait to be persisted.', { retryAfterSeconds: 2 })
      if (accepted.outcome !== 'accepted') return accepted.outcome
      onAccepted()
      try {
        // The queue must get versions in order: the one before goes first, and this one only once that is confirmed.
        if (accepted.behindUnsent && base !== undefined) await publish(base, {})
        await publish(version, caller)
      } catch (thrown) {
        if (!(thrown instanceof PublishFailed)) throw thrown
        // It stays unsent, and the flusher publishes it. That it is kept until then, the cache must vouch for.
        if (!durable())
          throw new Unavailable('outcome-open', 'The broker did not confirm the record; it may still turn up.', {
            cause: thrown,
          })
      }
      return 'accepted'
    },
  }
}

function shed(broker: ReturnType<Publisher['state']>, durable: boolean): void {
  if (broker === 'full') throw new Unavailable('queue-full', 'The queue is full.', { retryAfterSeconds: 2 })
  if (broker === 'busy') throw new Unavailable('queue-busy', 'Too many publishes await their confirm.')
  if ((broker === 'away' || broker === 'blocked') && !durable)
    throw new Unavailable('queue-away', 'The broker is away, and the cache alone would not keep the record safe.')
}
