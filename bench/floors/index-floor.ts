import { createDatabase, createReader } from '@ordermill/database'
import { orders } from '@ordermill/model'
import { createIndexWriter, createSearchClient, indexDefinition } from '@ordermill/search'
import { addresses } from '../stores.ts'
import type { Floor } from './index.ts'

/** It begins this long after it said that it is ready, so that whoever measures it sees all of it. */
const start_ms = 100

/**
 * The least that anybody does who takes a table to an index: pages of a thousand rows, one bulk call each. No lease, no cursor that
 * outlives it. How far it is, it writes where a follower would, once at the end.
 */
export async function indexFloor(): Promise<Floor> {
  const { POSTGRES_DSN, ELASTICSEARCH_URL } = addresses()
  const database = createDatabase({
    dsn: POSTGRES_DSN,
    name: 'bench-index',
    poolMax: 1,
    timeout_ms: 30_000,
    onLost: () => undefined,
  })
  const reader = createReader(database, orders)
  const engine = createSearchClient({ urls: ELASTICSEARCH_URL, timeout_ms: 30_000 })
  const writer = createIndexWriter(engine, indexDefinition(orders, ''))
  const { uuid, name } = await writer.ensure()
  const run = async () => {
    let cursor = 0
    for (;;) {
      const changes = await reader.changesAfter(cursor, 1_000)
      if (changes.length === 0) break
      await writer.write(changes)
      cursor = changes.at(-1)?.change_seq ?? cursor
    }
    await database.query({
      text: 'INSERT INTO search_cursors (index_uuid, index_name, change_seq) VALUES ($1, $2, $3)',
      values: [uuid, name, cursor],
    })
  }
  setTimeout(() => run().catch((error: unknown) => console.error(error)), start_ms)
  return {
    url: '',
    async stop() {
      await engine.close()
      await database.stop()
    },
  }
}
