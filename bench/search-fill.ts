import { setTimeout as sleep } from 'node:timers/promises'
import { createDatabase, indexLag, textsAlias } from '@ordermill/database'
import { orders } from '@ordermill/model'
import { ordersSql } from './search-orders.ts'
import type { Stage } from './stage.ts'

/** No progress of a follower for this long: it will not come. */
const stalled_ms = 60_000

/** Makes of the orders in Postgres so many, if there are fewer yet, and has a worker feed both search engines. */
export async function fillSearched(stage: Stage, count: number): Promise<void> {
  const { dsn } = stage.stores
  const fill_ms = 20 * 60_000
  const database = createDatabase({ dsn, name: 'bench-fill', poolMax: 2, timeout_ms: fill_ms, onLost: () => undefined })
  try {
    const [there] = await database.query<{ count: number }>({ text: 'SELECT count(*)::int AS count FROM orders' })
    if (there === undefined || there.count >= count) return
    stage.say(`  ${count.toLocaleString('en')} orders to search`)
    await database.query(ordersSql(count, there.count))
    await database.query({ text: 'ANALYZE orders' })
    const started = performance.now()
    const worker = await stage.service('worker')
    for (const [engine, alias] of [
      ['Elasticsearch', orders.name],
      ['Postgres', textsAlias(orders)],
    ] as const) {
      let moved = { at: performance.now(), left: Number.POSITIVE_INFINITY }
      for (;;) {
        stage.signal.throwIfAborted()
        const { changes } = await indexLag(database, orders.name, alias)
        if (changes === 0) break
        if (changes < moved.left) moved = { at: performance.now(), left: changes }
        if (performance.now() - moved.at > stalled_ms) throw new Error(`${engine} stays ${changes} behind`)
        await sleep(100)
      }
      stage.say(`  ${engine} has them after ${((performance.now() - started) / 1_000).toFixed(0)} s`)
    }
    await worker.stop()
    // As the database's own housekeeping would leave it by and by.
    for (const table of ['orders_search', 'orders_texts', 'orders_words'])
      await database.query({ text: `VACUUM ANALYZE ${table}` })
    await fetch(`${stage.servers.env['ELASTICSEARCH_URL']}/orders/_refresh`, { method: 'POST' })
  } finally {
    await database.stop()
  }
}
