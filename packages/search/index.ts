/**
 * Search on Elasticsearch: index definitions from collections, writes by change number, queries.
 * Guarantees: an index is made only here, never by a write; a document never goes back to an older change; every item of a bulk
 * is answered for by itself.
 */
export { createSearchClient, type EngineClient } from './client.ts'
export { type IndexDefinition, indexDefinition } from './definition.ts'
export { createSearcher, type Found, type Searcher } from './searcher.ts'
export { createIndexWriter, type Document, EngineRefused, type IndexWriter, type WriteResult } from './writer.ts'
