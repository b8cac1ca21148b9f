import { environment, readOptions } from '@ordermill/config'
import { createDatabase } from '@ordermill/database'
import { type Collection, orders } from '@ordermill/model'
import { createSearchClient, createSearcher, indexDefinition } from '@ordermill/search'
import { corner } from '@ordermill/servers/testing'

interface Teardown {
  teardown(handler: () => Promise<void> | void): void
}

/**
 * Postgres and the search engine in a corner of their own, let go of in the teardown. Besides, what generated orders and queries
 * are made from: the same every time unless GENERATED_SEED says otherwise.
 */
export async function openEngines(t: Teardown, collection: Collection = orders) {
  const machine = environment()
  const { env, namespace } = await corner(t, machine)
  const { ELASTICSEARCH_URL: urls, POSTGRES_DSN: dsn } = readOptions(env, ['ELASTICSEARCH_URL', 'POSTGRES_DSN'])
  const database = createDatabase({ dsn, name: 'test', poolMax: 5, timeout_ms: 30_000, onLost: () => undefined })
  t.teardown(() => database.stop())
  const engine = createSearchClient({ urls, timeout_ms: 60_000 })
  t.teardown(() => engine.close())
  const definition = indexDefinition(collection, namespace)
  const searcher = createSearcher(engine, collection, definition.alias)
  const seed = Number(machine['GENERATED_SEED'] ?? 20_101_201)
  return {
    env,
    namespace,
    database,
    engine,
    definition,
    searcher,
    seed,
    source: { folder: machine['ORDERS_DATA'], seed },
  }
}
