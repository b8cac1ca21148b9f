import type { CacheClient } from './client.ts'
import { away } from './failure.ts'
import { buckets, keysOf } from './keys.ts'

/**
 * What came through the queue behind everything that was in it before. Every method throws Unavailable (`cache-away`) when Redis
 * does not answer.
 */
export interface Barriers {
  /** The newest epoch that waits for its barrier, if any: until then Postgres may lack something that was accepted. */
  behind(): Promise<string | undefined>
  /** This barrier came through: what was sent before it is persisted. It may be that of an epoch. */
  pass(barrier: string): Promise<void>
  /** The last barrier that came through, if that is not long ago. */
  last(): Promise<string | undefined>
}

/**
 * An epoch begins: its barrier goes out this much later, behind what was accepted before and is still on its way to the broker.
 * Who takes longer has to look whether its epoch is still in force. In milliseconds.
 */
export const onTheWayMax_ms = 500

/** Seconds for which the last barrier is remembered. */
const remembered_s = 60 * 60

interface Parts {
  client: Pick<CacheClient, 'get' | 'setex' | 'caughtUp'>
  collection: string
  namespace: string
}

/** The barriers of one collection on a connected client. */
export function createBarriers({ client, collection, namespace }: Parts): Barriers {
  const keys = keysOf(namespace, collection)
  const everyBucket = <T>(ask: (bucket: number) => Promise<T>): Promise<T[]> =>
    away(Promise.all(Array.from({ length: buckets }, (_, bucket) => ask(bucket))))
  return {
    async behind() {
      const states = await everyBucket((bucket) => client.get(keys.epoch(bucket)))
      const behind = states.flatMap((state) => {
        const [, epoch = '', how] = state?.split(' ') ?? []
        return how === 'behind' ? [epoch] : []
      })
      return behind.sort().at(-1)
    },
    async pass(barrier) {
      await everyBucket((bucket) => client.caughtUp(keys.epoch(bucket), barrier))
      await away(client.setex(keys.barrier, remembered_s, barrier))
    },
    last: async () => (await away(client.get(keys.barrier))) ?? undefined,
  }
}
