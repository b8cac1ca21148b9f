/**
 * Postgres, the source of truth.
 * Guarantees: change numbers become visible in order; a version is applied once, never backwards and never on top of what it
 * was not built on; what is superseded stays in the history; failures say whether to try again or to park.
 */
export { type Account, type Accounts, countPersisted, readAccounts, storeRejected } from './accounting.ts'
export { type Attempts, createAttempts } from './attempts.ts'
export { type Bulk, type MemberError, readBulk, storeBulk } from './bulks.ts'
export {
  type Cursors,
  createCursors,
  type Followed,
  indexLag,
  openChangesCursor,
  type Place,
  refreshedChannel,
} from './cursors.ts'
export { createDatabase, type Database, type Session } from './database.ts'
export { addColumnsSql, createSql, dropSql } from './ddl.ts'
export { type Chain, decide, type Outcome } from './decide.ts'
export { createRowsInOrder, type RowsInOrder, readRejects, renumber } from './in-order.ts'
export { createJobQueue, createJobs, type Job, type JobQueue, type Jobs } from './jobs.ts'
export { createLeases, type Leases } from './leases.ts'
export {
  createLedger,
  type Ledger,
  type ParkedMessage,
  type ParkedRow,
  type ParkedState,
  type Selection,
} from './ledger.ts'
export { createListener, type Listener } from './listener.ts'
export { type Filter, findKeyUse, listRecords, type Position, readHistory } from './listing.ts'
export {
  createParkedView,
  type Discard,
  type ParkedGroup,
  type ParkedRecord,
  type ParkedSummary,
  type ParkedView,
} from './parked.ts'
export { readPast } from './past.ts'
export { type Change, createReader, type RecordReader } from './reader.ts'
export { readReceipt, type StoredReceipt } from './receipts.ts'
export {
  createRejects,
  createRejectsView,
  forgetGone,
  type RejectSummary,
  type Rejects,
  type RejectsView,
  rejectsInOrder,
} from './rejects.ts'
export { createSearchIndices, type SearchIndex, type SearchIndices } from './search-indices.ts'
export { addSearchColumnsSql, dropSearchSql, searchSql, searchTable, textsAlias } from './search-tables.ts'
export { readSearchable, type Searchable } from './searchable.ts'
export { asksTexts, searchRecords } from './searching.ts'
export { type Also, createTable, type Table } from './table.ts'
export { createTextIndex } from './texts.ts'
export { dailySales, lastRefresh, type Refresh, readSales, refreshView, type View } from './views.ts'
