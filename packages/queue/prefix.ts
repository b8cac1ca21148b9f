/** Follows which deliveries of a channel are settled, so that one ack covers all up to the first that is not. */
export interface Prefix {
  /** Marks these tags; gives the tag up to which all are settled now, or 0 if that did not move. */
  settle(tags: number[]): number
}

/** Delivery tags of a channel count 1, 2, 3 … (AMQP 0-9-1, section 4.3 'delivery tag'). */
export function createPrefix(): Prefix {
  let acked = 0
  const beyond = new Set<number>()
  return {
    settle(tags) {
      const before = acked
      for (const tag of tags) if (tag > acked) beyond.add(tag)
      while (beyond.delete(acked + 1)) acked += 1
      return acked > before ? acked : 0
    },
  }
}
