import { hash } from 'node:crypto'
import type { Attempts } from '@ordermill/database'
import type { Delivery } from '@ordermill/queue'
import type { Logger } from '@ordermill/telemetry'
import { withDeadline } from './deadline.ts'
import type { Reason } from './parking.ts'
import { type Patience, retryWhileUnavailable } from './retry.ts'
import { pause } from './waiting.ts'

/** So many deaths of workers park a message. */
const deathsMax = 3

/** How long a worker waits with nothing to do, for each death, before the next attempt: hundreds of times what an attempt takes. */
const control_ms = 2_000

/** A probe that takes longer than this part of the deadline says that the server is slow. */
const quick = 1 / 4

interface LoneParts {
  attempts: Attempts
  queue: string
  probe(signal: AbortSignal): Promise<void>
  deadline_ms: number
  log: Logger
}

/** Who looks after deliveries that came again and are tried alone. */
export interface Lone {
  /**
   * Before the attempt. @returns why the delivery is to be parked instead, if it is
   * @throws GivenUp when it went back to the queue
   */
  begin(delivery: Delivery, patience: Patience): Promise<Reason | undefined>
  /** After it, `isDone` unless the delivery went back. Best effort. */
  end(delivery: Delivery, isDone: boolean): Promise<void>
}

/**
 * Tells a message that kills its worker from one that merely was in hand when something else did.
 * After a redelivery batches start with one delivery and nothing else is read beside it, so that what kills is first in hand within
 * some ten deaths (each halves its distance), however many messages there are. Then every attempt at it is written down in Postgres
 * before it is made, and done away with after it; the next worker finds one that is still open, and counts a death. A kill from
 * outside can do that too: hence a death after the first counts only if
 * - the worker had lived through a wait with nothing in hand first, two seconds for each death so far: what kills workers by itself
 *   (a supervisor, an operator, too little memory, another message) meets that wait and not the few milliseconds after it;
 * - a probe had just passed: no attempt that hangs because Postgres is away, full or locked is open when a supervisor loses patience.
 *   In an outage nothing is written at all, or once at most.
 * For a healthy record to be parked it would have to be hit three times in a row within those milliseconds, twice after the wait;
 * one hit less and it is persisted, and its row is gone. Ordinary batches pay nothing; each message of the first bundle after a crash
 * three small writes.
 */
export function createLone({ attempts, queue, probe, deadline_ms, log }: LoneParts): Lone {
  /**
   * Messages that were parked for deaths, by the bundle that they came in: as long as that is in hand it may come again, all of it, and
   * they would kill three more workers each time.
   */
  const kept = new Map<Set<Delivery>, string[]>()
  const deadly = new WeakSet<Delivery>()
  const forgetDone = async () => {
    for (const [bundle, identities] of [...kept]) {
      if (bundle.size > 0) continue
      for (const identity of identities) await attempts.forget(queue, identity)
      kept.delete(bundle) // only then: what was not forgotten is tried again with the next one
    }
  }
  const ended = async (delivery: Delivery, isDone: boolean): Promise<void> => {
    const identity = identityOf(delivery)
    const { bundle } = delivery
    if (!isDone) {
      if (bundle !== undefined) kept.delete(bundle) // it comes again as another one
      return await attempts.close(queue, identity)
    }
    if (bundle !== undefined && deadly.has(delivery)) kept.set(bundle, [...(kept.get(bundle) ?? []), identity])
    else await attempts.forget(queue, identity)
    await forgetDone()
  }
  return {
    async begin(delivery, patience) {
      const identity = identityOf(delivery)
      const deaths = await retryWhileUnavailable(() => attempts.deaths(queue, identity), patience)
      const message_id: unknown = delivery.properties.messageId
      if (deaths >= deathsMax) {
        deadly.add(delivery)
        return {
          code: 'kills-worker',
          message: `${deaths} workers died while they tried it, each with nothing else in hand`,
        }
      }
      if (deaths > 0) {
        log.warn(
          { message_id, deaths },
          'a worker died in the attempt at this message: it is tried again after a while',
        )
        await pause(deaths * control_ms, patience.signal)
        const passes = () => withDeadline(deadline_ms * quick, patience.signal, probe)
        await retryWhileUnavailable(passes, patience)
      }
      await retryWhileUnavailable(() => attempts.open(queue, identity), patience)
      return undefined
    },
    async end(delivery, isDone) {
      await ended(delivery, isDone).catch((err: unknown) => log.debug({ err }, 'an attempt stays open'))
    },
  }
}

/** The same for every delivery of a message, whether it can be read or not. */
const identityOf = ({ body, properties }: Delivery): string =>
  hash('sha256', Buffer.concat([Buffer.from(`${String(properties.messageId)}\n`), body]), 'base64url')
