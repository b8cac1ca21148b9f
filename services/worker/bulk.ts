import {
  type Also,
  type Bulk,
  type Chain,
  countPersisted,
  type Database,
  type MemberError,
  type Outcome,
  readBulk,
  storeBulk,
  storeRejected,
  type Table,
} from '@ordermill/database'
import { BadData, type Collection, hashOf, memberId, parseRecord, Unavailable, type Version } from '@ordermill/model'
import { type Batch, type Consumer, type Delivery, readBulkMessage } from '@ordermill/queue'
import type { Logger, WorkerMetrics } from '@ordermill/telemetry'
import { bisectBadData } from './bisect.ts'
import { withDeadline } from './deadline.ts'
import { createHold, type Hold } from './holding.ts'
import type { Lone } from './lone.ts'
import type { Parking, Reason } from './parking.ts'
import { GivenUp, type Patience, retried, retryWhileUnavailable } from './retry.ts'
import { createSuspicion } from './suspicion.ts'

interface BulkParts {
  collection: Collection
  consumer: Pick<Consumer, 'batches'>
  database: Database
  table: Table
  parking: Parking
  lone: Lone
  answer(delivery: Delivery, outcome: string): void
  wakeFollower(): void
  deadline_ms: number
  /** A product of this name fails inside the transaction; '' fails none. */
  failProduct: string
  log: Logger
  metrics: WorkerMetrics
  stop: AbortSignal
}

/** Takes bulks from the queue to Postgres, each in one transaction: all of its records or none. Its outcome is stored before the ack. */
export async function runBulks(parts: BulkParts): Promise<void> {
  for await (const batch of parts.consumer.batches())
    for (const delivery of batch.deliveries) await persistBulk(batch, delivery, parts)
}

async function persistBulk(batch: Batch, delivery: Delivery, parts: BulkParts): Promise<void> {
  const signal = AbortSignal.any([batch.signal, parts.stop])
  const patience = { signal, onRetry: retried(parts), hold: createHold(batch, parts.deadline_ms) }
  const park = async (reason: Reason): Promise<void> => {
    await retryWhileUnavailable(() => parts.parking.park([{ delivery, reason }]), patience)
    batch.settled([delivery])
    parts.answer(delivery, 'parked')
  }
  try {
    const deadly = delivery.redelivered ? await parts.lone.begin(delivery, patience) : undefined
    try {
      if (deadly === undefined) await settleBulk(batch, delivery, patience, parts)
      else await park(deadly)
    } catch (thrown) {
      if (!(thrown instanceof BadData)) throw thrown
      await park({ code: thrown.code, message: thrown.message })
    }
    if (delivery.redelivered) await parts.lone.end(delivery, !signal.aborted)
  } catch (thrown) {
    if (!(thrown instanceof GivenUp)) throw thrown
    if (delivery.redelivered) await parts.lone.end(delivery, false)
    parts.log.warn('a bulk was given up: the queue hands it out again')
  }
}

/** @throws BadData if the message is to be parked; GivenUp */
async function settleBulk(
  batch: Batch,
  delivery: Delivery,
  patience: Patience & { hold: Hold },
  parts: BulkParts,
): Promise<void> {
  const { collection, deadline_ms, table } = parts
  const { signal, hold } = patience
  const message = readBulkDelivery(collection, delivery)
  // It stands alone as a record does: as one whole, for its members stand and fall together.
  const judge = createSuspicion({ probe: (inner) => table.probe(inner), records: 1, deadline_ms, signal, hold })
  const outcome = await retryWhileUnavailable(() => settle(message, signal, parts), { ...patience, judge })
  batch.settled([delivery])
  parts.answer(delivery, outcome)
  parts.log.info(
    { bulk: message.id, records: message.chains.length, outcome, correlation_id: message.correlationId },
    'bulk',
  )
  if (outcome === 'committed') parts.wakeFollower()
  parts.metrics.bulks.inc({ collection: collection.name, outcome })
}

interface ReadBulk {
  id: string
  fingerprint: string
  chains: Chain[]
  correlationId: string | undefined
}

/** @throws BadData if it is not a bulk of this collection, or its members are not those of its id */
export function readBulkDelivery(c: Collection, { body, properties }: Delivery): ReadBulk {
  const { id, fingerprint, texts, type, correlationId } = readBulkMessage(body, properties)
  if (type !== c.type) throw new BadData('unknown-type', `this worker reads ${c.type}, not ${type}`)
  const chains = texts.map((text, index): Chain => {
    const record = parseRecord(c, text)
    if (record.id !== memberId(id, index)) throw new BadData('unreadable', `member ${index} has the id of another bulk`)
    return [{ id: record.id, version: 1, hash: hashOf(text, null), parent: null, text, deleted: false, keys: [] }]
  })
  return { id, fingerprint, chains, correlationId }
}

/** Commits the bulk with its outcome, or stores why it was rolled back. A bulk that has an outcome keeps it. */
async function settle(
  { id, fingerprint, chains, correlationId }: ReadBulk,
  signal: AbortSignal,
  parts: BulkParts,
): Promise<Bulk['outcome']> {
  const { database, table, deadline_ms, failProduct } = parts
  const within = <T>(work: (inner: AbortSignal) => Promise<T>) => withDeadline(deadline_ms, signal, work)
  const before = await within(() => readBulk(database, id))
  if (before !== undefined) return before.outcome
  const refuse: Also = async (_session, some, outcomes) => refuseConflicts(some, outcomes, failProduct)
  const bulk = { id, fingerprint, members: chains.length }
  const count = countPersisted(parts.collection.name, id)
  try {
    const commit: Also = async (session, some, outcomes) => {
      await refuse(session, some, outcomes)
      if (!(await storeBulk(session, { ...bulk, outcome: 'committed', errors: null })))
        throw new Unavailable('bulk-ended', 'The bulk got its outcome meanwhile.')
      await count(session, some, outcomes)
    }
    await within((inner) => table.apply(chains, inner, commit, correlationId))
    return 'committed'
  } catch (thrown) {
    if (!(thrown instanceof BadData)) throw thrown
    const verdicts = await within((inner) => table.tryOut(inner, (apply) => bisectBadData(chains, apply), refuse))
    const errors = chains.flatMap(([version], index): MemberError[] => {
      const verdict = verdicts.get(version)
      return verdict instanceof BadData ? [{ index, code: verdict.code, detail: inWords(verdict) }] : []
    })
    const { name: collection } = parts.collection
    if (await within(() => storeRejected(database, { ...bulk, collection, errors }))) return 'rolled_back'
    throw new Unavailable('bulk-ended', 'The bulk got its outcome meanwhile.')
  }
}

/** @throws BadData for the first record that stands in the way of all */
function refuseConflicts(chains: Chain[], outcomes: Outcome[][], failProduct: string): void {
  for (const [at, [version]] of chains.entries()) {
    if (outcomes[at]?.[0] === 'conflict') throw new BadData('conflict', 'another record has this id')
    if (failProduct !== '' && nameOf(version) === failProduct)
      throw new BadData(
        'simulated-failure',
        `a product named ${failProduct} fails here, so that a rollback can be watched`,
      )
  }
}

const nameOf = ({ text }: Version): unknown => (JSON.parse(text) as Record<string, unknown>)['product_name']

/** What a client is told: never the text of a database. */
const inWords = ({ code, message }: BadData): string =>
  code.startsWith('sql-') ? 'the database refuses this record' : message
