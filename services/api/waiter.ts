import type { RecordReader } from '@ordermill/database'
import type { Replies } from '@ordermill/queue'

/** Waits until what was accepted has gone further. */
export interface Waiter {
  /** persisted: Postgres has this version or a later one; parked: it was set aside; processing: neither, so far. */
  persisted(id: string, version: number, wait_ms: number): Promise<'persisted' | 'parked' | 'processing'>
}

interface WaiterParts {
  replies: Pick<Replies, 'wait'>
  stored: Pick<RecordReader, 'read'>
}

/** Waits for the worker's word, and trusts Postgres alone: asked when the waiting begins, and when it ends. */
export function createWaiter({ replies, stored }: WaiterParts): Waiter {
  return {
    async persisted(id, version, wait_ms) {
      const isThere = async () => ((await stored.read(id).catch(() => undefined))?.version ?? 0) >= version
      const word = replies.wait(`${id}:${version}`, wait_ms)
      if (await isThere()) return 'persisted'
      const reply = await word
      if (await isThere()) return 'persisted'
      if (reply?.outcome === 'parked') return 'parked'
      return 'processing'
    },
  }
}
