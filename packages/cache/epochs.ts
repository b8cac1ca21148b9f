import { Unavailable } from '@ordermill/model'
import type { CacheClient } from './client.ts'
import { away } from './failure.ts'
import { buckets, type Keys } from './keys.ts'

/**
 * An epoch is a time in which Redis has forgotten nothing. A new one is opened where there is none (it was wiped), where the one that
 * stands was opened under another process (it was restarted, or a replica took over), and after versions were accepted without it.
 * What carries an earlier epoch may be older than what Redis once knew, and what is not there may have been. Until its barrier has
 * come through the queue, so may Postgres.
 */
export interface Epochs {
  /** The epoch that this process takes to be in force; undefined: it has to be asked for. */
  known(): string | undefined
  /** Whether this process knows that Postgres has caught up in that epoch: that stays so. */
  isCaughtUp(epoch: string): boolean
  caughtUp(epoch: string): void
  /** As known; else looks, and opens one where that is due. @throws Unavailable */
  current(): Promise<string>
  /** Looks again. @throws Unavailable */
  look(): Promise<string>
  /** This one is not in force. */
  mistaken(epoch: string): void
  /** Versions were accepted without the cache: the next look opens a new epoch. */
  leave(): void
}

/** How often the looks of one process may cross those of others before a caller is told to come again. */
const looksMax = 8

export function createEpochs(client: Pick<CacheClient, 'epoch' | 'on'>, keys: Keys): Epochs {
  let known: string | undefined
  let caughtUp: string | undefined
  let looking: Promise<string> | undefined
  let forgotten = 0
  let left = 0
  const forget = () => {
    known = undefined
    looking = undefined
    forgotten += 1
  }
  // A connection that comes back may be one to another process; slots that have moved are with another one.
  for (const event of ['close', '+node', '-node', 'refresh'] as const) client.on(event, forget)

  const ask = (candidate: string) =>
    away(
      Promise.all(
        Array.from({ length: buckets }, (_, bucket) =>
          client.epoch(keys.epoch(bucket), keys.counters(bucket), candidate),
        ),
      ),
    )
  const find = async (): Promise<string> => {
    const before = { forgotten, left }
    let candidate = ''
    for (let looks = 0; looks < looksMax; looks += 1) {
      const found = await ask(candidate)
      const newest =
        found
          .map(([epoch]) => epoch)
          .sort()
          .at(-1) ?? ''
      const isWhole = found.every(([epoch, holds]) => epoch === newest && holds === 1)
      if (isWhole && (before.left === 0 || candidate !== '')) {
        if (forgotten === before.forgotten) known = newest
        if (left === before.left) left = 0
        return newest
      }
      candidate = epochAfter(newest)
    }
    throw new Unavailable('catching-up', 'The cache has just begun a new epoch.')
  }
  const look = () => {
    if (looking !== undefined) return looking
    const mine = find().finally(() => {
      if (looking === mine) looking = undefined
    })
    looking = mine
    return mine
  }
  return {
    known: () => known,
    isCaughtUp: (epoch) => caughtUp === epoch,
    caughtUp(epoch) {
      caughtUp = epoch
    },
    current: async () => known ?? (await look()),
    look,
    mistaken(epoch) {
      if (known === epoch) known = undefined
    },
    leave() {
      left += 1
      forget()
    },
  }
}

/** Milliseconds of the Unix epoch in base 36: nine digits last until the year 5188. */
const digits = 9

/** A new epoch, after every one that was seen whatever the clock says; the rest tells apart those that are opened at the same time. */
function epochAfter(newest: string): string {
  const at = Math.max(Date.now(), newest === '' ? 0 : openedAt(newest) + 1)
  const random = Math.floor(Math.random() * 36 ** 4)
  return `${at.toString(36).padStart(digits, '0')}-${random.toString(36).padStart(4, '0')}`
}

/** When an epoch was opened, in milliseconds of the Unix epoch, by the clock of who opened it. */
export const openedAt = (epoch: string): number => Number.parseInt(epoch.slice(0, digits), 36)
