import type { CacheClient } from './client.ts'

/** Seconds for which an accepted bulk is remembered. */
const ttl_s = 24 * 60 * 60

/** Remembers which bulks were accepted, until long after their outcome stands elsewhere. Best effort: only answers rest on it. */
export function createBulkLog(client: Pick<CacheClient, 'get' | 'setex'>, scope: string) {
  const key = (id: string) => `bulk:${scope}:${id}`
  return {
    async remember(id: string): Promise<void> {
      await client.setex(key(id), ttl_s, 1).catch(() => undefined) // without it, a bulk in the queue reads as unknown
    },
    knows: async (id: string): Promise<boolean> => (await client.get(key(id))) !== null,
  }
}
