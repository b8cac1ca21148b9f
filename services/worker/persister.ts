import { type Chain, countPersisted, type Outcome, type Table } from '@ordermill/database'
import { BadData, type Collection, newId, type Version } from '@ordermill/model'
import type { Batch, Consumer, Delivery } from '@ordermill/queue'
import type { Logger, WorkerMetrics } from '@ordermill/telemetry'
import { correlationIdOf, type ReadBatch, readBatch } from './batch.ts'
import { bisectBadData, type Verdicts } from './bisect.ts'
import { withDeadline } from './deadline.ts'
import { createHold, type Hold } from './holding.ts'
import type { Lone } from './lone.ts'
import type { Parking } from './parking.ts'
import { type Parked, Parkings, park, reasonOf } from './parkings.ts'
import { GivenUp, type Patience, retried, retryWhileUnavailable } from './retry.ts'
import { createSuspicion } from './suspicion.ts'
import { turn } from './waiting.ts'

interface PersisterParts {
  collection: Collection
  consumer: Pick<Consumer, 'batches'>
  table: Table
  parking: Parking
  /** Looks after deliveries that came again and are tried alone. */
  lone: Lone
  /** Tells the cache what is persisted, or has it told soon: best effort, the flusher finds what this misses. */
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

/** A batch on its way to Postgres. */
interface Persisting {
  /** All of it that can be committed is. Rejects with what `done` does. */
  committed: Promise<unknown>
  /** Every delivery is acked, being parked, or was given up because it went back to the queue. */
  done: Promise<void>
}

const nothing: Persisting = { committed: Promise.resolve(), done: Promise.resolve() }

/**
 * Takes batches from the queue to Postgres until the consumer ends. Nothing is acked before its commit; nothing is dropped.
 * Batches are committed one after another. While one is, the one after it is read, and what remains to be done for the one before it is
 * done: Postgres waited a sixth of the time for that, and a drain took 28,000 a second instead of 33,000.
 * | what became of a version            | its delivery       | its mark in the cache |
 * | persisted, superseded or duplicate  | acked              | settled               |
 * | conflict, bad data, unreadable, deadly | parked, then acked | stays              |
 * | unavailable                         | kept, tried again, given back after a while | stays |
 * | (a barrier)                         | acked              |                       |
 */
export async function runPersister(parts: PersisterParts): Promise<void> {
  const { collection, consumer, metrics } = parts
  let before = nothing
  const parkings = new Parkings()
  for await (const batch of consumer.batches()) {
    metrics.batchSize.observe({}, batch.deliveries.length)
    const [first, ...others] = batch.deliveries
    if (first?.redelivered) await before.done // it may be what killed a worker: nothing else is in hand while it is read and tried
    if (first?.redelivered && others.length === 0) {
      await persistLone(batch, first, parkings, parts)
      continue
    }
    const read = readBatch(collection, batch.deliveries) // while the batch before it commits
    await before.committed
    parkings.throwIfBroken()
    const current = persist(batch, read, parkings, parts)
    await before.done
    before = current
  }
  await before.done
  await parkings.all()
}

/** Persists a delivery that came again, with nothing else in hand. */
async function persistLone(batch: Batch, delivery: Delivery, parkings: Parkings, parts: PersisterParts): Promise<void> {
  parkings.throwIfBroken()
  const { collection, deadline_ms, lone, log } = parts
  const signal = AbortSignal.any([batch.signal, parts.stop])
  const patience = { signal, onRetry: retried(parts), hold: createHold(batch, deadline_ms) }
  try {
    const reason = await lone.begin(delivery, patience)
    if (reason === undefined) await persist(batch, readBatch(collection, [delivery]), parkings, parts).done
    else await park([{ delivery, reason }], batch, patience, parts)
    await lone.end(delivery, !signal.aborted)
  } catch (thrown) {
    if (!(thrown instanceof GivenUp)) throw thrown
    await lone.end(delivery, false)
    log.warn('a delivery was given up: the queue hands it out again')
  }
}

/** What the parts of one batch have in common. */
interface Hand {
  batch: Batch
  read: ReadBatch
  parkings: Parkings
  patience: Patience & { hold: Hold }
  /** What remains to be done for what is committed. */
  rests: Promise<void>[]
}

/** Begins to persist a batch. */
function persist(batch: Batch, read: ReadBatch, parkings: Parkings, parts: PersisterParts): Persisting {
  const { metrics } = parts
  const log = parts.log.child({ batch_id: newId() })
  const started = performance.now()
  const signal = AbortSignal.any([batch.signal, parts.stop])
  const patience = { signal, onRetry: retried({ log, metrics }), hold: createHold(batch, parts.deadline_ms) }
  const hand: Hand = { batch, read, parkings, patience, rests: [] }
  const committed = commit(hand, { ...parts, log })
  const end = async () => {
    const outcome = await committed
    await Promise.all(hand.rests)
    if (outcome === 'persisted') await passBarriers(hand, parts)
    const seconds = (performance.now() - started) / 1_000
    metrics.batch.observe({ outcome }, seconds)
    const { correlationId: correlation_id } = read
    const duration_ms = Math.round(seconds * 1_000)
    log.info({ records: batch.deliveries.length, outcome, duration_ms, correlation_id }, 'batch')
  }
  const done = end()
  done.catch(() => undefined) // who goes on awaits it
  return { committed, done }
}

/** Commits all of a batch that can be, and has parked what cannot. */
async function commit(hand: Hand, parts: PersisterParts): Promise<'persisted' | 'given-up'> {
  const { batch, read, parkings, patience } = hand
  try {
    const unreadable = read.unreadable.map(({ delivery, error }) => ({ delivery, reason: error }))
    parkings.add(park(unreadable, batch, patience, parts))
    for (const round of read.rounds) await commitRound(round, hand, parts)
    return 'persisted'
  } catch (thrown) {
    if (!(thrown instanceof GivenUp)) throw thrown
    parts.log.warn({ records: batch.deliveries.length }, 'a batch was given up: the queue hands it out again')
    return 'given-up'
  }
}

/** Commits chains of different records. Once something is, the rest of its work follows, beside what is committed next. */
async function commitRound(round: Chain[], hand: Hand, parts: PersisterParts): Promise<void> {
  const { read, patience, rests } = hand
  const { signal, hold } = patience
  const { collection, table, deadline_ms } = parts
  const count = countPersisted(collection.name)
  const apply = (chains: Chain[]): Promise<Outcome[][]> => {
    const probe = (inner: AbortSignal) => table.probe(inner, count)
    const judge = createSuspicion({ probe, records: chains.length, deadline_ms, signal, hold })
    const attempt = (inner: AbortSignal) => table.apply(chains, inner, count, read.correlationId)
    return retryWhileUnavailable(() => withDeadline(deadline_ms, signal, attempt), { ...patience, judge })
  }
  await bisectBadData(round, apply, (verdicts) => {
    const rest = turn().then(() => settleVerdicts(verdicts, hand, parts)) // first the next transaction begins
    rest.catch(() => undefined) // awaited with the others
    rests.push(rest)
  })
}

/** Acks and settles what is persisted, and has the rest parked: in parts, so that no answer of Postgres waits for all of it. */
async function settleVerdicts(verdicts: Verdicts, hand: Hand, parts: PersisterParts): Promise<void> {
  const { batch, read, parkings, patience } = hand
  const { collection, metrics } = parts
  parts.wakeFollower()
  if (parts.log.isLevelEnabled('debug')) tellEach(verdicts, read, parts)
  const settled: Version[] = []
  const parked: Parked[] = []
  const counts: Record<string, number> = {}
  for (const [version, verdict] of verdicts) {
    const reason = reasonOf(version, verdict)
    const outcome = verdict instanceof BadData ? 'bad-data' : verdict
    counts[outcome] = (counts[outcome] ?? 0) + 1
    if (reason === undefined) settled.push(version)
    else for (const delivery of read.deliveriesOf.get(version) ?? []) parked.push({ delivery, reason })
  }
  for (const [outcome, count] of Object.entries(counts))
    metrics.persisted.inc({ collection: collection.name, outcome }, count)
  const done = settled.flatMap((version) => read.deliveriesOf.get(version) ?? [])
  batch.settled(done)
  for (const delivery of done) parts.answer(delivery, 'persisted')
  parkings.add(park(parked, batch, patience, parts))
  await turn()
  await parts.settle(settled)
}

/** Says of the barriers of a batch that is committed, and all before it, that they came through. */
async function passBarriers({ batch, read, patience }: Hand, { passBarrier, metrics }: PersisterParts): Promise<void> {
  if (!patience.signal.aborted) for (const { barrier } of read.barriers) await passBarrier(barrier)
  batch.settled(read.barriers.map(({ delivery }) => delivery))
  if (read.oldest !== undefined) metrics.persistLag.observe({}, Math.max(0, Date.now() - read.oldest) / 1_000)
}

/** One line for each record: whoever follows a single order switches these on. */
function tellEach(verdicts: Verdicts, read: ReadBatch, { collection, log }: PersisterParts): void {
  for (const [version, verdict] of verdicts) {
    const outcome = verdict instanceof BadData ? verdict.code : verdict
    const correlation_id = correlationIdOf(read.deliveriesOf.get(version)?.[0])
    log.debug({ [`${collection.title}_id`]: version.id, version: version.version, outcome, correlation_id }, 'record')
  }
}
