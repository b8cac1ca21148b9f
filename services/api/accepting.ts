import { type Accepted, type Moment, onTheWayMax_ms, type RecordCache } from '@ordermill/cache'
import { type Collection, Unavailable, type Version } from '@ordermill/model'
import { type Publisher, PublishFailed, recordMessage } from '@ordermill/queue'
import type { Marker } from './marker.ts'

/** Who asks, and what joins all that it causes. */
export interface Caller {
  correlationId: string
  /** The same if the caller sent it: what Postgres is told. */
  sentId: string | undefined
  traceparent: string | undefined
  /** The Idempotency-Key, where one was sent. */
  key: string | undefined
  /** Where the worker shall say what became of it; undefined: nobody waits. */
  replyTo: string | undefined
}

/** Takes versions into the cache and onto the queue. */
export interface Acceptor {
  /**
   * Accepts a version built on `base` (for a first one the moment at which there was none, or nothing if its id was never used before).
   * After 'accepted' it is safe: confirmed by the broker, or journaled.
   * 'bypassed': as safe, but the cache is away, and it cannot be read before it is persisted.
   * 'exists': another version stands. 'absent': the base is not cached. Then nothing was written.
   * @throws Unavailable before anything was written; `outcome-open` after
   */
  accept(
    version: Version,
    base: Version | Moment | undefined,
    caller: Caller,
  ): Promise<'accepted' | 'bypassed' | 'exists' | 'absent'>
  /**
   * Makes sure that a version which stands is as safe as one that was just accepted, before somebody is told of it as of his own: who
   * built it may have been told that its outcome is open. Gives false if it has to be looked at again.
   * @throws Unavailable `outcome-open`
   */
  vouch(standing: Version & { epoch: string }, caller: Caller): Promise<boolean>
}

interface Way {
  /** The one in force when it was found in the cache. */
  epoch: string
  /** How many versions right before it the broker may lack. */
  unsentBefore: number
  /** When that was, as performance.now() counts. */
  started: number
}

/** Most unsent versions that go out before a new one of the same record; the flusher sees to longer chains. */
const unsentMax = 32

export interface AcceptorParts {
  collection: Collection
  cache: Pick<RecordCache, 'accept' | 'unsentUpTo' | 'copied' | 'readVersion' | 'checkEpoch' | 'bypassed'>
  /** Whether the cache alone may vouch for a record while the broker is away. */
  durable(): boolean
  publisher: Pick<Publisher, 'publish' | 'state'>
  exchange: string
  marker: Marker
  onAccepted(): void
}

export function createAcceptor(parts: AcceptorParts): Acceptor {
  const { cache, durable, publisher, marker, onAccepted } = parts
  const publish = (version: Version, { correlationId, traceparent, replyTo }: Partial<Caller>) => {
    const { exchange, collection } = parts
    const { name, type } = collection
    return publisher.publish(
      recordMessage(version, { exchange, collection: name, type, correlationId, traceparent, replyTo }),
    )
  }
  const publishMarked = async (version: Version, caller: Partial<Caller>) => {
    await publish(version, caller)
    marker.sent(version)
  }
  /** The queue must get versions in order: each goes only once the one before it is confirmed. */
  const publishUnsentBefore = async ({ id, version }: Version, count: number) => {
    for (let before = version - count; before < version; before += 1) {
      const unsent = await cache.readVersion({ id, version: before })
      if (unsent !== undefined) await publishMarked(unsent, {}) // else it was sent meanwhile
    }
  }

  /** Gets a version that the cache has to where it is safe, after those before it. @throws Unavailable `outcome-open` */
  const secure = async (
    version: Version & { epoch: string },
    { epoch, unsentBefore, started }: Way,
    caller: Caller,
  ) => {
    const { id } = version
    try {
      if (unsentBefore > unsentMax) throw new PublishFailed('busy') // a chain for the flusher
      if (unsentBefore > 0) await publishUnsentBefore(version, unsentBefore)
      await publishMarked(version, caller)
    } catch (thrown) {
      if (thrown instanceof Unavailable) throw notConfirmed(thrown) // the cache went away after it took the version
      if (!(thrown instanceof PublishFailed)) throw thrown
      // It stays unsent, and the flusher publishes it. That it is kept until then, the cache must vouch for.
      const isKept = durable() && (await cache.copied(id, epoch).catch(() => false))
      if (!isKept) throw notConfirmed(thrown)
    }
    if (performance.now() - started > onTheWayMax_ms && (await cache.checkEpoch().catch(() => epoch)) !== epoch)
      throw new Unavailable('outcome-open', 'The cache began anew meanwhile; the record may still turn up.')
  }

  /** Without the cache: what nobody can have changed or asked for yet. Only the broker's confirm stands for it. */
  const bypass = async (version: Version, caller: Caller, why: Unavailable): Promise<'bypassed'> => {
    cache.bypassed()
    const started = performance.now()
    try {
      await publish(version, caller)
    } catch (cause) {
      if (!(cause instanceof PublishFailed)) throw cause
      throw cause.reason === 'away' || cause.reason === 'busy' ? why : notConfirmed(cause) // those were never sent
    }
    onAccepted()
    if (performance.now() - started > onTheWayMax_ms) cache.bypassed() // the barrier of an epoch that began meanwhile may be before it
    return 'bypassed'
  }

  return {
    async accept(version, base, caller) {
      shed(publisher.state(), durable()) // every reason to refuse comes before anything is written
      const started = performance.now()
      let accepted: Accepted
      try {
        accepted = await cache.accept(version, base)
      } catch (thrown) {
        if (base !== undefined || caller.key !== undefined || !isAway(thrown)) throw thrown
        if (publisher.state() !== 'ready') throw thrown
        return bypass(version, caller, thrown)
      }
      if (accepted.outcome === 'limit')
        throw new Unavailable('dirty-limit', 'Too many records wait to be persisted.', { retryAfterSeconds: 2 })
      if (accepted.outcome !== 'accepted') return accepted.outcome
      onAccepted()
      const { epoch, unsentBefore } = accepted
      await secure({ ...version, epoch }, { epoch, unsentBefore, started }, caller)
      return 'accepted'
    },

    async vouch(standing, caller) {
      const started = performance.now()
      const unsent = await cache.unsentUpTo(standing)
      if (unsent === undefined) return false
      if (unsent === 0) return true
      const entry = await cache.readVersion(standing)
      if (entry === undefined) return false // sent meanwhile, or wiped
      await secure(entry, { epoch: standing.epoch, unsentBefore: unsent - 1, started }, caller)
      return true
    },
  }
}

/** Not merely late: what it may have taken is left to it, and a cache that is slow shall not have to begin anew for that. */
const isAway = (thrown: unknown): thrown is Unavailable => thrown instanceof Unavailable && thrown.code === 'cache-away'

const notConfirmed = (cause: Error) =>
  new Unavailable('outcome-open', 'The broker did not confirm the record; it may still turn up.', { cause })

function shed(broker: ReturnType<Publisher['state']>, durable: boolean): void {
  if (broker === 'full') throw new Unavailable('queue-full', 'The queue is full.', { retryAfterSeconds: 2 })
  if (broker === 'busy') throw new Unavailable('queue-busy', 'Too many publishes await their confirm.')
  if ((broker === 'away' || broker === 'blocked') && !durable)
    throw new Unavailable('queue-away', 'The broker is away, and the cache alone would not keep the record safe.')
}
