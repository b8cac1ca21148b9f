import { hashOf } from '@ordermill/model'
import type { CacheClient } from './client.ts'
import { decodeEntry } from './entry.ts'
import { away } from './failure.ts'
import { keysOf } from './keys.ts'

/** A clean copy: one that Postgres is known to have, and that may be taken away at any time. */
export interface CleanCopy {
  id: string
  version: number
  /** The hash it claims to have; and the one that its text has. */
  hash: string
  actual: string
}

/** The clean copies of a collection, as they are looked at. Every method throws Unavailable when Redis does not answer. */
export interface CleanCopies {
  /** All of them, some at a time, each once at least. */
  pages(): AsyncGenerator<CleanCopy[]>
  /** Those of these that are there. */
  read(ids: string[]): Promise<CleanCopy[]>
  /** Takes these away where they still stand, and are still clean; gives how many it took. */
  remove(copies: CleanCopy[]): Promise<number>
}

/** How many keys Redis looks at in one step. */
const step = 1_000
const uuid = '????????-????-????-????-????????????'

interface Parts {
  client: Pick<CacheClient, 'masters' | 'get' | 'ttl' | 'removeClean'>
  collection: string
  namespace: string
}

export function createCleanCopies({ client, collection, namespace }: Parts): CleanCopies {
  const keys = keysOf(namespace, collection)
  const read = async (ids: string[]): Promise<CleanCopy[]> => {
    const found = await Promise.all(
      ids.map(async (id) => {
        const key = keys.record(id)
        const [value, ttl_s] = await Promise.all([client.get(key), client.ttl(key)])
        return value === null || ttl_s < 0 ? [] : [copyOf(id, value)] // what is dirty has no TTL
      }),
    )
    return found.flat()
  }
  return {
    async *pages() {
      for (const node of client.masters()) {
        let cursor = '0'
        do {
          const [next, found] = await away(
            node.scan(cursor, 'MATCH', `{*}:${namespace}${collection}:${uuid}`, 'COUNT', step),
          )
          const ids = found.map((key) => key.slice(-uuid.length)).filter((id, at) => keys.record(id) === found[at])
          if (ids.length > 0) yield await away(read(ids))
          cursor = next
        } while (cursor !== '0')
      }
    },
    read: (ids) => away(read(ids)),
    async remove(copies) {
      const removed = copies.map(({ id, version, hash }) => client.removeClean(keys.record(id), version, hash))
      return (await away(Promise.all(removed))).reduce((sum, count) => sum + count, 0)
    },
  }
}

function copyOf(id: string, value: string): CleanCopy {
  const { version, hash, text, parent } = decodeEntry(id, value)
  return { id, version, hash, actual: hashOf(text, parent) }
}
