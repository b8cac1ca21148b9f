import { createAttempts } from '@ordermill/database'
import type { Version } from '@ordermill/model'
import { type Delivery, replyTo } from '@ordermill/queue'
import { runBulks } from './bulk.ts'
import { runDrainer } from './drainer.ts'
import { createLone } from './lone.ts'
import { createParking } from './parking.ts'
import { runPersister } from './persister.ts'
import type { Resources } from './resources.ts'

interface ConsumingParts {
  resources: Resources
  wakeFollowers(): void
  /** Aborted when what is in hand shall go back to its queue. */
  giveUp: AbortSignal
}

/**
 * Starts what reads the queues: records and bulks go to the table, what was parked goes to the ledger. Each ends once its consumer is
 * stopped, and closes it as soon as nothing is in hand: others take over then.
 */
export function startConsuming({ resources, wakeFollowers, giveUp }: ConsumingParts): Promise<void>[] {
  const { collection, options, part, metrics, database, table, ledger, cache, barriers, queues, publisher, consumers } =
    resources
  const answer = (delivery: Delivery, outcome: string) => {
    const reply = replyTo(delivery.properties, outcome)
    if (reply !== undefined) publisher.publish(reply).catch(() => undefined) // who waits asks Postgres at last
  }
  let settling: Promise<void> = Promise.resolve()
  /** Settles beside the batch that comes next: resolves when what was to be settled before is. */
  const settle = (versions: Version[]): Promise<void> => {
    const before = settling
    settling = before.then(() =>
      cache.settle(versions).then(
        () => undefined,
        (err: unknown) => part('persister').debug({ err }, 'not settled; the flusher finds it'),
      ),
    )
    return before
  }
  const parkingFrom = (from: string) =>
    createParking({
      publisher,
      queue: queues.parked,
      from,
      log: part('parking'),
      onParked: (reason) => metrics.parked.inc({ reason }),
    })
  const attempts = createAttempts(database, resources.holder)
  const deadline_ms = options.MESSAGE_TIMEOUT_MS
  const loneFrom = (queue: string) =>
    createLone({ attempts, queue, probe: (signal) => table.probe(signal), deadline_ms, log: part('lone') })
  const shared = {
    collection,
    table,
    answer,
    wakeFollower: wakeFollowers,
    metrics,
    deadline_ms,
    stop: giveUp,
  }
  return [
    runPersister({
      ...shared,
      parking: parkingFrom(queues.name),
      lone: loneFrom(queues.persist),
      consumer: consumers.records,
      settle,
      passBarrier: (barrier) =>
        barriers
          .pass(barrier)
          .catch((err: unknown) => part('persister').debug({ err }, 'a barrier came through unheard')),
      log: part('persister'),
    })
      .finally(() => consumers.records.close())
      .finally(() => settling),
    runBulks({
      ...shared,
      parking: parkingFrom(`${queues.name}.bulk`),
      lone: loneFrom(queues.bulk),
      consumer: consumers.bulks,
      database,
      failProduct: options.SIMULATE_FAILURE_PRODUCT,
      log: part('bulk'),
    }).finally(() => consumers.bulks.close()),
    runDrainer({ collection, consumer: consumers.parked, ledger, cache, log: part('drainer'), stop: giveUp }).finally(
      () => consumers.parked.close(),
    ),
  ]
}
