/** Follows which deliveries of a channel are settled, so that one ack covers all up to the first that is not. */
export interface Prefix {
  /** Marks these tags; gives the tag up to which all are settled now, or 0 if that did not move. */
  settle(tags: number[]): number
}

/** Delivery tags of a channel count 1, 2, 3 … (AMQP 0-9-1, section 4.3 'delivery tag'). */
export function createPrefix(): Prefix {
  let acked = 0
  /** Those settled after a gap, in order. An array: see InFlight for what a Set would cost. */
  let beyond: number[] = []
  return {
    settle(tags) {
      const before = acked
      beyond = [...beyond, ...tags].sort((a, b) => a - b)
      let passed = 0
      for (let tag = beyond[0]; tag !== undefined && tag <= acked + 1; tag = beyond[passed]) {
        acked = Math.max(acked, tag)
        passed += 1
      }
      beyond = beyond.slice(passed)
      return acked > before ? acked : 0
    },
  }
}
