import type { Accepted, RecordCache } from '@ordermill/cache'
import type { RecordReader } from '@ordermill/database'
import {
  type Collection,
  fingerprint,
  firstVersion,
  type KeyUse,
  keyedId,
  newId,
  Refused,
  readCreate,
  Unavailable,
  type Version,
} from '@ordermill/model'
import { type Publisher, PublishFailed, recordMessage } from '@ordermill/queue'
import type { Marker } from './marker.ts'

/** Who asks, under which key, and the id that joins all it causes. */
export interface Caller {
  correlationId: string
  traceparent: string | undefined
  /** The Idempotency-Key, where one was sent. */
  key: string | undefined
}

/** What a caller is told of an accepted write. */
export interface Receipt {
  id: string
  version: number
  /** The same key and body were accepted before: this is their answer again. */
  replayed: boolean
}

/** Accepts writes to one collection. */
export interface Writer {
  /**
   * Accepts a new record from the body of a POST.
   * @throws Invalid | Refused `key-reused`, `key-too-long` | Unavailable (`outcome-open`: it may still turn up)
   */
  create(body: unknown, caller: Caller): Promise<Receipt>
}

interface WriterParts {
  collection: Collection
  cache: RecordCache
  /** Whether the cache alone may vouch for a record while the broker is away. */
  durable(): boolean
  stored: Pick<RecordReader, 'read'>
  publisher: Pick<Publisher, 'publish' | 'state'>
  exchange: string
  marker: Marker
  onAccepted(): void
}

/** The one caller there is without authentication. Never change it: keys would make new records. */
const anybody = 'anonymous'
const keyLengthMax = 255

export function createWriter({
  collection,
  cache,
  durable,
  stored,
  publisher,
  exchange,
  marker,
  onAccepted,
}: WriterParts): Writer {
  /** Every reason to shed comes before anything is written. */
  const shed = () => {
    const state = publisher.state()
    if (state === 'full') throw new Unavailable('queue-full', 'The queue is full.', { retryAfterSeconds: 2 })
    if (state === 'busy') throw new Unavailable('queue-busy', 'Too many publishes await their confirm.')
    if ((state === 'away' || state === 'blocked') && !durable())
      throw new Unavailable('queue-away', 'The broker is away, and the cache alone would not keep the record safe.')
  }

  const publish = async (version: Version, caller: Caller) => {
    const { correlationId, traceparent } = caller
    const message = recordMessage(version, {
      exchange,
      collection: collection.name,
      type: collection.type,
      correlationId,
      traceparent,
    })
    try {
      await publisher.publish(message)
      marker.sent(version)
    } catch (thrown) {
      if (!(thrown instanceof PublishFailed)) throw thrown
      // It stays unsent: the flusher publishes it once the broker is back. That it is kept until then, the cache must vouch for.
      if (!durable())
        throw new Unavailable('outcome-open', 'The broker did not confirm the record; it may still turn up.', {
          cause: thrown,
        })
    }
  }

  const replay = (version: Version, use: Omit<KeyUse, 'version'>): Receipt => {
    const before = version.keys.find(({ key }) => key === use.key)
    if (before !== undefined && before.fingerprint !== use.fingerprint)
      throw new Refused('key-reused', 'This Idempotency-Key was used with another body.')
    return { id: version.id, version: version.version, replayed: true }
  }

  const acceptFirst = async (
    version: Version,
    use: Omit<KeyUse, 'version'> | undefined,
  ): Promise<Receipt | undefined> => {
    const accepted: Accepted = await cache.accept(version)
    if (accepted.outcome === 'accepted') return undefined
    if (accepted.outcome === 'limit')
      throw new Unavailable('dirty-limit', 'Too many records wait to be persisted.', { retryAfterSeconds: 2 })
    const standing = await cache.read(version.id)
    if (standing === undefined || use === undefined)
      throw new Unavailable('contended', 'Somebody else wrote this record just now.')
    return replay(standing, use)
  }

  return {
    async create(body, caller) {
      const now = new Date().toISOString()
      const content = readCreate(collection, body, now)
      const use = keyUse(caller.key, `POST ${collection.name}`, body)
      const id = use === undefined ? newId() : use.key
      if (use !== undefined) {
        const standing = (await cache.read(id)) ?? (await stored.read(id))
        if (standing !== undefined) return replay(standing, use)
      }
      shed()
      const version = firstVersion(collection, { id, content, now, ...(use === undefined ? {} : { key: use }) })
      const replayed = await acceptFirst(version, use)
      if (replayed !== undefined) return replayed
      onAccepted()
      await publish(version, caller)
      return { id, version: 1, replayed: false }
    },
  }

  function keyUse(key: string | undefined, what: string, body: unknown): Omit<KeyUse, 'version'> | undefined {
    if (key === undefined) return undefined
    if (key.length === 0 || key.length > keyLengthMax)
      throw new Refused('key-too-long', `An Idempotency-Key has 1 to ${keyLengthMax} characters.`)
    return { key: keyedId(collection.name, anybody, key), fingerprint: fingerprint(what, body) }
  }
}
