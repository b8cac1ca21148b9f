import { orders } from '@ordermill/model'
import { createSearchClient, createSearcher, indexDefinition, type Searcher } from '@ordermill/search'
import type { Surroundings } from '../parts.ts'

/** Acquires the client of Elasticsearch; undefined where none is configured. */
export function searchPlugin({ app, options }: Surroundings): Searcher | undefined {
  if (options.ELASTICSEARCH_URL.length === 0) return undefined
  const { ELASTICSEARCH_URL: urls, SEARCH_TIMEOUT_MS: timeout_ms } = options
  const client = createSearchClient({ urls, timeout_ms })
  app.addHook('onClose', () => client.close())
  return createSearcher(client, orders, indexDefinition(orders, options.NAMESPACE).alias, timeout_ms)
}
