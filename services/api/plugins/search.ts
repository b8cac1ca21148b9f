import { orders } from '@ordermill/model'
import { createSearchClient, createSearcher, indexDefinition, type Searcher } from '@ordermill/search'
import type { Surroundings } from '../parts.ts'

/** Acquires the client of Elasticsearch; undefined where none is configured. */
export function searchPlugin({ app, options }: Surroundings): Searcher | undefined {
  if (options.ELASTICSEARCH_URL.length === 0) return undefined
  const client = createSearchClient({ urls: options.ELASTICSEARCH_URL, timeout_ms: options.SEARCH_TIMEOUT_MS })
  app.addHook('onClose', () => client.close())
  return createSearcher(client, orders, indexDefinition(orders, options.NAMESPACE).alias)
}
