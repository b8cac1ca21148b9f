import type { Batch } from '@ordermill/queue'
import { GivenUp } from './retry.ts'

/** How long deliveries stay in hand while nothing works. */
export interface Hold {
  /** Something worked: the time starts anew. */
  works(): void
  /** @throws GivenUp when the time is over: the deliveries have gone back to their queue */
  check(): void
}

/** Longest hold, in milliseconds: far below the broker's consumer_timeout of 30 minutes, which closes the channel. */
const longest_ms = 300_000

/**
 * Keeps deliveries for the time of three attempts (30 s by default); then all of this channel go back, any worker may take them, and
 * this one asks for more only once Postgres answers. Going back counts toward the broker's delivery limit: of a million, at one in
 * 30 s, an outage of a year uses up none that matters.
 */
export function createHold(batch: Pick<Batch, 'giveBack'>, deadline_ms: number): Hold {
  const for_ms = Math.min(3 * deadline_ms, longest_ms)
  let since = performance.now()
  return {
    works() {
      since = performance.now()
    },
    check() {
      if (performance.now() - since < for_ms) return
      batch.giveBack()
      throw new GivenUp()
    },
  }
}
