import { type Chain, countPersisted, type Outcome, type Table } from '@ordermill/database'
import { BadData, type Collection, newId, type Unavailable, type Version } from '@ordermill/model'
import type { Batch, Consumer, Delivery } from '@ordermill/queue'
import type { Logger, WorkerMetrics } from '@ordermill/telemetry'
import { correlationIdOf, type ReadBatch, readBatch } from './batch.ts'
import { bisectBadData, type Verdicts } from './bisect.ts'
import { withDeadline } from './deadline.ts'
import type { Parking, Reason } from './parking.ts'
import { GivenUp, retryWhileUnavailable } from './retry.ts'

interface PersisterParts {
  collection: Collection
  consumer: Pick<Consumer, 'batches'>
  table: Table
  parking: Parking
  /** Tells the cache what is persisted: best effort, the flusher finds what this misses. */
  settle(versions: Version[]): Promise<void>
  /** Says that a barrier came through: best effort, the flusher sends another one. */
  passBarrier(barrier: string): Promise<void>
  /** Tells who waits for a delivery what became of it; does nothing where nobody does. */
  answer(delivery: Delivery, outcome: 'persisted' | 'parked'): void
  /** Tells who follows the table that there is something to read. */
  wakeFollower(): void
  /** Deadline of each attempt, in milliseconds. */
  deadline_ms: number
  log: Logger
  metrics: WorkerMetrics
  /** Aborted when the worker stops without waiting any longer. */
  stop: AbortSignal
}

/**
 * Takes batches from the queue to Postgres until the consumer ends. Nothing is acked before its commit; nothing is dropped.
 * | what became of a version            | its delivery       | its mark in the cache |
 * | persisted, superseded or duplicate  | acked              | settled               |
 * | conflict, bad data, unreadable      | parked, then acked | stays                 |
 * | unavailable                         | kept, tried again  | stays                 |
 * | (a barrier)                         | acked              |                       |
 */
export async function runPersister(parts: PersisterParts): Promise<void> {
  const { collection, consumer, metrics } = parts
  let persisting: Promise<void> = Promise.resolve()
  const parkings = new Parkings()
  for await (const batch of consumer.batches()) {
    metrics.batchSize.observe(batch.deliveries.length)
    const read = readBatch(collection, batch.deliveries) // while the batch before it commits
    await persisting
    parkings.throwIfBroken()
    persisting = persist(batch, read, parkings, parts)
    persisting.catch(() => undefined) // awaited above, or at the end
  }
  await persisting
  await parkings.all()
}

/**
 * What is being parked. Nothing waits for it but the ack: while the broker takes no messages, the good ones are persisted all the
 * same. Bounded by the prefetch, for what is not acked holds back every ack after it.
 */
class Parkings {
  readonly #running = new Set<Promise<void>>()
  #broken: { error: unknown } | undefined

  add(parking: Promise<void>): void {
    const ended = parking
      .catch((error: unknown) => {
        if (!(error instanceof GivenUp)) this.#broken ??= { error }
      })
      .finally(() => this.#running.delete(ended))
    this.#running.add(ended)
  }

  throwIfBroken(): void {
    if (this.#broken !== undefined) throw this.#broken.error
  }

  /** Waits for all of them. @throws whatever one of them failed with, unless it was given up */
  async all(): Promise<void> {
    await Promise.all(this.#running)
    this.throwIfBroken()
  }
}

/** Persists one batch. Resolves when every delivery is persisted, being parked, or was given up because it went back to the queue. */
async function persist(batch: Batch, read: ReadBatch, parkings: Parkings, parts: PersisterParts): Promise<void> {
  const { metrics } = parts
  const log = parts.log.child({ batch_id: newId() })
  const started = performance.now()
  const signal = AbortSignal.any([batch.signal, parts.stop])
  let outcome = 'persisted'
  try {
    const unreadable = read.unreadable.map(({ delivery, error }) => ({ delivery, reason: error }))
    parkings.add(park(unreadable, batch, signal, parts))
    for (const round of read.rounds) {
      const refused = await persistRound(round, read, batch, signal, { ...parts, log })
      parkings.add(park(refused, batch, signal, parts))
    }
    if (!signal.aborted) for (const { barrier } of read.barriers) await parts.passBarrier(barrier)
    batch.settled(read.barriers.map(({ delivery }) => delivery))
    if (read.oldest !== undefined) metrics.persistLag.observe(Math.max(0, Date.now() - read.oldest) / 1_000)
  } catch (thrown) {
    outcome = 'given-up'
    if (!(thrown instanceof GivenUp)) throw thrown
    log.warn({ records: batch.deliveries.length }, 'a batch was given up: the queue hands it out again')
  } finally {
    const seconds = (performance.now() - started) / 1_000
    metrics.batch.observe({ outcome }, seconds)
    const { correlationId: correlation_id } = read
    const duration_ms = Math.round(seconds * 1_000)
    log.info({ records: batch.deliveries.length, outcome, duration_ms, correlation_id }, 'batch')
  }
}

interface Parked {
  delivery: Delivery
  reason: Reason
}

/** Persists chains of different records; gives what is to be parked. */
async function persistRound(
  round: Chain[],
  read: ReadBatch,
  batch: Batch,
  signal: AbortSignal,
  parts: PersisterParts,
): Promise<Parked[]> {
  const { collection, table, deadline_ms, metrics } = parts
  const onRetry = retried(parts)
  const count = countPersisted(collection.name)
  const apply = (chains: Chain[]): Promise<Outcome[][]> =>
    retryWhileUnavailable(
      () => withDeadline(deadline_ms, signal, (inner) => table.apply(chains, inner, count, read.correlationId)),
      {
        signal,
        onRetry,
      },
    )
  const verdicts = await bisectBadData(round, apply)
  parts.wakeFollower()
  if (parts.log.isLevelEnabled('debug')) tellEach(verdicts, read, parts)

  const settled: Version[] = []
  const parked: Parked[] = []
  for (const [version, verdict] of verdicts) {
    const reason = reasonOf(version, verdict)
    metrics.persisted.inc({ collection: collection.name, outcome: verdict instanceof BadData ? 'bad-data' : verdict })
    if (reason === undefined) settled.push(version)
    else for (const delivery of read.deliveriesOf.get(version) ?? []) parked.push({ delivery, reason })
  }
  const done = settled.flatMap((version) => read.deliveriesOf.get(version) ?? [])
  batch.settled(done)
  for (const delivery of done) parts.answer(delivery, 'persisted')
  await parts.settle(settled)
  return parked
}

/** One line for each record: whoever follows a single order switches these on. */
function tellEach(verdicts: Verdicts, read: ReadBatch, { collection, log }: PersisterParts): void {
  for (const [version, verdict] of verdicts) {
    const outcome = verdict instanceof BadData ? verdict.code : verdict
    const correlation_id = correlationIdOf(read.deliveriesOf.get(version)?.[0])
    log.debug({ [`${collection.title}_id`]: version.id, version: version.version, outcome, correlation_id }, 'record')
  }
}

/** Why a version is parked; undefined if it is not. */
export function reasonOf(
  version: Version,
  verdict: Verdicts extends Map<Version, infer V> ? V : never,
): Reason | undefined {
  if (verdict instanceof BadData) return { code: verdict.code, message: verdict.message }
  if (verdict !== 'conflict') return undefined
  return {
    code: 'conflict',
    message: `version ${version.version} was built on ${version.parent ?? 'nothing'}, and another version stands`,
  }
}

async function park(parked: Parked[], batch: Batch, signal: AbortSignal, parts: PersisterParts): Promise<void> {
  if (parked.length === 0) return
  await retryWhileUnavailable(() => parts.parking.park(parked), { signal, onRetry: retried(parts) })
  batch.settled(parked.map(({ delivery }) => delivery))
  for (const { delivery } of parked) parts.answer(delivery, 'parked')
}

/** Says that an attempt is repeated: the first time, and then each time the number of attempts doubles. */
export const retried =
  ({ log, metrics }: Pick<PersisterParts, 'log' | 'metrics'>) =>
  (error: Unavailable, attempt: number) => {
    metrics.retries.inc({ code: error.code })
    if (Number.isInteger(Math.log2(attempt))) log.warn({ err: error, attempt }, 'kept, and tried again')
  }
