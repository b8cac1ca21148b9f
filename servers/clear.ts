import { Client as Engine } from '@elastic/elasticsearch'
import { Redis } from 'ioredis'

/** Takes away the keys that match a glob: what a Redis that forgets would do. Gives how many. */
export async function removeKeys(address: string, match: string): Promise<number> {
  const redis = new Redis(address.includes('://') ? address : `redis://${address}`, { maxRetriesPerRequest: 1 })
  let removed = 0
  try {
    let cursor = '0'
    do {
      const [next, keys] = await redis.scan(cursor, 'MATCH', match, 'COUNT', 1_000)
      if (keys.length > 0) removed += await redis.unlink(...keys)
      cursor = next
    } while (cursor !== '0')
    return removed
  } finally {
    redis.disconnect()
  }
}

/** Takes away the indices that match a glob. Gives their names. */
export async function removeIndices(url: string, match: string): Promise<string[]> {
  const engine = new Engine({ node: url })
  try {
    const names = Object.keys(await engine.indices.get({ index: match, allow_no_indices: true }))
    if (names.length > 0) await engine.indices.delete({ index: names })
    await engine.indices.deleteIndexTemplate({ name: `ordermill-${match}` }, { ignore: [404] })
    return names
  } finally {
    await engine.close()
  }
}
