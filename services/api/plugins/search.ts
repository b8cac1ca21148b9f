import { orders } from '@ordermill/model'
import { createSearcher, indexDefinition, type Searcher, searchClientOf } from '@ordermill/search'
import type { Surroundings } from '../parts.ts'

/** Acquires the client of Elasticsearch; undefined where none is configured. */
export function searchPlugin({ app, options }: Surroundings): Searcher | undefined {
  const { SEARCH_TIMEOUT_MS: timeout_ms } = options
  const client = searchClientOf(options, timeout_ms)
  if (client === undefined) return undefined
  app.addHook('onClose', () => client.close())
  return createSearcher(client, orders, indexDefinition(orders, options.NAMESPACE).alias, timeout_ms)
}
