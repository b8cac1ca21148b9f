import { BadData, type Version } from '@ordermill/model'
import type { Batch, Delivery } from '@ordermill/queue'
import type { Verdicts } from './bisect.ts'
import type { Parking, Reason } from './parking.ts'
import { GivenUp, type Patience, retryWhileUnavailable } from './retry.ts'

/** A delivery that is to be parked, and why. */
export interface Parked {
  delivery: Delivery
  reason: Reason
}

/**
 * What is being parked. Nothing waits for it but the ack: while the broker takes no messages, the good ones are persisted all the
 * same. Bounded by the prefetch, for what is not acked holds back every ack after it.
 */
export class Parkings {
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

interface ParkParts {
  parking: Parking
  answer(delivery: Delivery, outcome: 'parked'): void
}

/** Parks deliveries of a batch, then acks them. @throws GivenUp when they went back to the queue before that */
export async function park(parked: Parked[], batch: Batch, patience: Patience, parts: ParkParts): Promise<void> {
  if (parked.length === 0) return
  await retryWhileUnavailable(() => parts.parking.park(parked), patience)
  batch.settled(parked.map(({ delivery }) => delivery))
  for (const { delivery } of parked) parts.answer(delivery, 'parked')
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
