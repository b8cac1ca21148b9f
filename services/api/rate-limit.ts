import type { SharedBuckets } from '@ordermill/cache'

/** What is said to a caller about its requests. */
export interface Verdict {
  allowed: boolean
  /** Requests it may send right now. */
  remaining: number
  /** Seconds until it may send as many as ever. */
  reset_s: number
  /** Seconds until it may send one. */
  retryAfter_s: number
}

export interface RateLimit {
  /** Counts one request of a caller. At once, unless the other processes have to be asked. */
  take(caller: string): Verdict | Promise<Verdict>
  /** Callers that are remembered. */
  size(): number
}

interface RateLimitParts {
  /** Requests a second; as many may come at once. */
  rate: number
  /** Most callers that are remembered; who came longest ago is forgotten first. */
  callersMax: number
  /** What all processes count together. */
  shared: SharedBuckets
  /** Told when the shared count is away: every process then counts for itself. */
  onSharedAway(error: unknown): void
  now?: () => number
}

/** What this process knows of a caller. */
interface Known {
  /** Tokens there are at most: other processes may have spent some. */
  tokens: number
  /** Tokens spent here that the shared bucket does not know of. */
  owed: number
  /** A request asks what is left: until that is said, nothing may be spent unasked. */
  asking: boolean
  at: number
}

/** This part of the rate may be spent without asking: who stays below it costs no call. */
const unaskedPart = 1 / 4
/** With less than this part of its tokens left, a caller is near the limit: every request asks. */
const nearPart = 1 / 2
/** So long nobody is asked after a failure, in milliseconds. */
const pause_ms = 1_000

/**
 * A token bucket for each caller: in memory first, and shared when a caller spends more than a quarter of its rate here, or is
 * near the limit; what comes while one asks, asks too. With N processes, at most N - 1 quarters of a second's requests are too many,
 * once; over time the rate holds. Whom memory alone can refuse is refused without asking. Without the shared count, every process
 * limits for itself.
 */
export function createRateLimit(parts: RateLimitParts): RateLimit {
  const { rate, callersMax, shared, onSharedAway, now = () => performance.now() } = parts
  const burst = rate
  const unasked = burst * unaskedPart
  const callers = new Map<string, Known>() // in the order of their last request
  let askAgainAt = Number.NEGATIVE_INFINITY

  const known = (caller: string): Known => {
    const at = now()
    const found = callers.get(caller)
    if (found === undefined) {
      const [oldest] = callers.size >= callersMax ? callers.keys() : []
      if (oldest !== undefined) callers.delete(oldest)
      const fresh = { tokens: burst, owed: 0, asking: false, at }
      callers.set(caller, fresh)
      return fresh
    }
    const seconds = (at - found.at) / 1_000
    found.tokens = Math.min(burst, found.tokens + seconds * rate)
    found.owed = Math.max(0, found.owed - seconds * rate * unaskedPart)
    found.at = at
    callers.delete(caller)
    callers.set(caller, found)
    return found
  }
  const verdict = (allowed: boolean, { tokens }: Known): Verdict => ({
    allowed,
    remaining: Math.max(0, Math.floor(tokens)),
    reset_s: Math.ceil((burst - tokens) / rate),
    retryAfter_s: Math.max(1, Math.ceil((1 - tokens) / rate)),
  })
  const ask = async (caller: string, one: Known): Promise<Verdict> => {
    const { owed } = one
    const isFirst = !one.asking
    one.asking = true
    one.owed = 0
    one.tokens -= 1
    try {
      const { allowed, tokens } = await shared.take(caller, { rate, burst }, owed)
      one.tokens = Math.min(allowed ? one.tokens : one.tokens + 1, tokens - one.owed)
      return verdict(allowed, one)
    } catch (thrown) {
      askAgainAt = now() + pause_ms
      one.owed += owed + 1
      onSharedAway(thrown)
      return verdict(true, one)
    } finally {
      if (isFirst) one.asking = false // else asking would go on for as long as requests come
    }
  }
  return {
    take(caller) {
      const one = known(caller)
      if (one.tokens < 1) return verdict(false, one)
      const isNear = one.asking || one.owed + 1 > unasked || one.tokens <= burst * nearPart
      if (isNear && one.at >= askAgainAt) return ask(caller, one)
      one.tokens -= 1
      one.owed = Math.min(burst, one.owed + 1)
      return verdict(true, one)
    },
    size: () => callers.size,
  }
}
