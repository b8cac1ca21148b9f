/**
 * What a record is: collections, versions, ids, status steps and the errors that say what to do.
 * Guarantees: no I/O, no clock and no randomness but what callers pass in or ask of `ids.ts`.
 */
export { type Breaker, breakerStates, createBreaker } from './breaker.ts'
export { changedFields } from './changed.ts'
export { type Collection, collection, type Fields, type RecordOf, type StoredRecord } from './collection.ts'
export { collections } from './collections/index.ts'
export { orders } from './collections/orders.ts'
export { isNear } from './edits.ts'
export {
  BadData,
  ConflictingVersion,
  Doubtful,
  Forbidden,
  Invalid,
  NotFound,
  Refused,
  toError,
  Unavailable,
} from './errors.ts'
export {
  type Bucket,
  bucketsMax,
  type Counted,
  containsPattern,
  type Facet,
  type FacetCounts,
  facetCounts,
  type Interval,
  intervals,
  type Range,
  type RangesFacet,
  type ValuesFacet,
} from './facets.ts'
export { type Fault, pointer } from './faults.ts'
export { type Field, integer, keyword, money, type SearchKind, text, time } from './fields.ts'
export { foldText, foldWords } from './fold.ts'
export { gathered } from './gathered.ts'
export { fingerprint, hashOf } from './hash.ts'
export { isId, keyedId, memberId, newId } from './ids.ts'
export { readCreate, readPatch } from './input.ts'
export { joinWrites } from './joined-writes.ts'
export { nearest, oneOf } from './nearest.ts'
export { parseRecord } from './parse.ts'
export { type Piece, piecesOf } from './pieces.ts'
export {
  type Condition,
  editsOf,
  type Found,
  foundMax,
  type Query,
  type QueryField,
  queryFields,
  type Sort,
  type SortValue,
  searchableTexts,
  sortKeys,
  type TextCondition,
  type TextSearch,
} from './query.ts'
export { steps } from './steps.ts'
export { type Base, firstVersion, type KeyUse, nextVersion, recordText, tombstone, type Version } from './version.ts'
