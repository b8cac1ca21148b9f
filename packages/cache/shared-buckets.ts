import type { CacheClient } from './client.ts'
import { buckets } from './keys.ts'

/** What a shared token bucket holds, and how fast it fills. */
export interface BucketSize {
  /** Tokens a second. */
  rate: number
  /** Most tokens. */
  burst: number
}

/** Token buckets that all processes take from, by Redis's clock. */
export interface SharedBuckets {
  /**
   * Pays `owed` tokens that were spent already, and takes one if there is one. `tokens` is what is left; negative: others
   * have spent more than there was. @throws whatever Redis says when it is away
   */
  take(caller: string, size: BucketSize, owed: number): Promise<{ allowed: boolean; tokens: number }>
}

/** Buckets by a plain name of the caller; each has a TTL, so that who does not come again is forgotten. */
export function createSharedBuckets(client: Pick<CacheClient, 'takeToken'>, namespace: string): SharedBuckets {
  return {
    async take(caller, { rate, burst }, owed) {
      const key = `{${spread(caller)}}:${namespace}rate:${caller}`
      const [allowed, tokens] = await client.takeToken(key, rate, burst, owed)
      return { allowed: allowed === 1, tokens: Number(tokens) }
    },
  }
}

/** Spreads callers over the buckets that keys are made for. */
function spread(caller: string): number {
  let sum = 0
  for (let at = 0; at < caller.length; at += 1) sum = (sum * 31 + caller.charCodeAt(at)) % 65_521
  return sum % buckets
}
