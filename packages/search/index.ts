/**
 * Search on Elasticsearch: index definitions from collections, writes by change number, queries.
 * Guarantees: an index is made only here, never by a write; a document never goes back to an older change; every item of a bulk
 * is answered for by itself.
 */
export { createSearchClient, type EngineClient, engineOptionNames, searchClientOf } from './client.ts'
export { type IndexDefinition, type IndexKeeping, indexDefinition } from './definition.ts'
export { createDocuments, type Documents, type IndexedDocument } from './documents.ts'
export { facetsOf } from './facets.ts'
export { type FilterField, filterFields } from './filters.ts'
export { createHighlighter, type Highlighter } from './highlight.ts'
export { createIndexSnapshots, type IndexSnapshots } from './index-snapshots.ts'
export { type KeptPart, keepIndex } from './keeping.ts'
export { limits } from './limits.ts'
export { EngineRefused } from './refusing.ts'
export { createSearcher, type Searcher } from './searcher.ts'
export { simpleQuery } from './simple.ts'
export { SnapshotGone } from './snapshots.ts'
export { createIndices, type Indices } from './standing.ts'
export { type Asked, readCount, readQuery } from './vql.ts'
export { createIndexWriter, type Document, type FedIndex, type IndexWriter, type WriteResult } from './writer.ts'
