import { type Bulk, type Database, readBulk } from '@ordermill/database'
import {
  type Collection,
  type Fault,
  firstVersion,
  Invalid,
  memberId,
  newId,
  readCreate,
  Unavailable,
} from '@ordermill/model'
import { bulkMessage, type Publisher, PublishFailed, type Replies } from '@ordermill/queue'
import type { Caller } from './accepting.ts'
import { keyedRequest, keyReused } from './idempotency.ts'

/** A bulk that was accepted; `outcome` is there once the worker is done with it. */
export interface BulkReceipt {
  id: string
  replayed: boolean
  outcome: Bulk | undefined
}

/** Accepts bulks: all of their records or none. */
export interface BulkWriter {
  /**
   * Accepts up to 1000 records as one message, and waits at most `wait_ms` for what becomes of it; `onWait` hears when that begins.
   * @throws Invalid with the faults of every record | Refused | Unavailable
   */
  accept(records: unknown[], caller: Caller, how: { wait_ms: number; onWait(): void }): Promise<BulkReceipt>
  /** What became of a bulk; 'processing' while the queue has it; undefined if there is none. */
  read(id: string): Promise<Bulk | 'processing' | undefined>
}

/** Remembers for a while which bulks were accepted: nobody else knows those that the worker has not reached. */
export interface BulkLog {
  remember(id: string): Promise<void>
  knows(id: string): Promise<boolean>
}

interface BulkParts {
  collection: Collection
  database: Database
  publisher: Pick<Publisher, 'publish' | 'state'>
  replies: Replies
  accepted: BulkLog
  exchange: string
}

export function createBulkWriter({
  collection,
  database,
  publisher,
  replies,
  accepted,
  exchange,
}: BulkParts): BulkWriter {
  const { name, type } = collection
  return {
    async accept(records, caller, { wait_ms, onWait }) {
      const now = new Date().toISOString()
      const request = keyedRequest(`bulk-${name}`, caller.key, `POST bulk-${name}`, records)
      const id = request?.key ?? newId()
      const contents = readAll(collection, records, now)
      const before = request === undefined ? undefined : await readBulk(database, id)
      if (before !== undefined) {
        if (before.fingerprint !== request?.fingerprint) throw keyReused()
        return { id, replayed: true, outcome: before }
      }
      if (publisher.state() !== 'ready') throw new Unavailable('queue-away', 'The broker takes no bulks now.')
      const texts = contents.map(
        (content, index) => firstVersion(collection, { id: memberId(id, index), content, now }).text,
      )
      const bulk = {
        id,
        fingerprint: request?.fingerprint ?? '',
        texts,
        correlationId: caller.correlationId,
        traceparent: caller.traceparent,
      }
      const word = replies.wait(id, wait_ms)
      await accepted.remember(id)
      try {
        await publisher.publish(bulkMessage(bulk, { exchange, collection: name, type, replyTo: replies.address() }))
      } catch (thrown) {
        if (!(thrown instanceof PublishFailed)) throw thrown
        if (thrown.reason === 'away' || thrown.reason === 'busy' || thrown.reason === 'refused')
          throw new Unavailable('queue-full', 'The broker takes no bulks now.', { cause: thrown })
        throw new Unavailable('outcome-open', 'The broker did not confirm the bulk; it may still be done.', {
          cause: thrown,
        })
      }
      onWait()
      await word
      const outcome = await readBulk(database, id).catch(() => undefined)
      if (outcome !== undefined && outcome.fingerprint !== bulk.fingerprint) throw keyReused()
      return { id, replayed: false, outcome }
    },
    async read(id) {
      const outcome = await readBulk(database, id)
      if (outcome !== undefined) return outcome
      return (await accepted.knows(id).catch(() => false)) ? 'processing' : undefined
    },
  }
}

/** Reads every member. @throws Invalid with the faults of all of them */
function readAll(collection: Collection, records: unknown[], now: string) {
  const faults: Fault[] = []
  const contents = records.map((record, index) => {
    try {
      return readCreate(collection, record, now)
    } catch (thrown) {
      if (!(thrown instanceof Invalid)) throw thrown
      faults.push(
        ...thrown.faults.map((fault) => ({ ...fault, pointer: `/${collection.name}/${index}${fault.pointer}` })),
      )
      return undefined
    }
  })
  if (faults.length > 0) throw new Invalid(faults.slice(0, 1_000))
  return contents.filter((content) => content !== undefined)
}
