import t from 'tap'
import type { Evidence } from './evidence.ts'
import { type Broken, call, callAt, first, other, park, seesAll } from './testing.ts'

/** I5 to I10: what the stores hold, against each other; processes and times. */
const broken: Broken[] = [
  ['search lacks a record', 'I5', /search lacks/, (e) => void e.documents.pop()],
  ['search has an older change', 'I5', /at change 1, Postgres at 2/, (e) => document(e).change_seq--],
  [
    'search has another content',
    'I5',
    /another content/,
    (e) => {
      document(e).record['quantity'] = 8
    },
  ],
  ['search has what Postgres has not', 'I5', /which Postgres has not/, (e) => void e.rows.pop()],
  ['a mark stands', 'I6', /0 unsent and 1 sent/, (e) => e.dirty.sent++],
  [
    'a cached copy is another version',
    'I6',
    /the cache has .* version 1, Postgres 2/,
    (e) => {
      e.cached = [{ ...first(e), expires: true, in_force: true }]
    },
  ],
  [
    'a cached copy would never leave',
    'I6',
    /for ever/,
    (e) => {
      e.cached = e.cached.map((one) => ({ ...one, expires: false }))
    },
  ],
  [
    'a client did not read its own write',
    'I6',
    /read at version 1 after version 2/,
    (e) => {
      callAt(e, 2).answer = { status: 200, version: 1 }
    },
  ],
  [
    'a client was told that its order is not there',
    'I6',
    /not found after version 2/,
    (e) => {
      callAt(e, 2).answer = { status: 404, code: 'not-found' }
    },
  ],
  [
    'the accounting is off by one',
    'I7',
    /differ by 1/,
    (e) => {
      e.accounting.difference = 1
    },
  ],
  [
    'the accounting is not exact',
    'I7',
    /not exact/,
    (e) => {
      e.accounting.exact = false
    },
  ],
  ['more was counted than there is', 'I7', /3 versions were counted/, (e) => e.accounted.persisted++],
  [
    'the bytes of what is parked are others',
    'I7',
    /not what its hash says/,
    (e) => {
      park(e, 'a check failed')
      for (const row of e.parked) row.body = row.body.replace('"quantity":7', '"quantity": 7')
    },
  ],
  [
    'a process takes too much memory',
    'I8',
    /api-1 took 900 MB/,
    (e) => {
      e.memory = { 'api-1': 900 }
    },
  ],
  ['a process died', 'I8', /worker-2 died/, (e) => e.dead.push('worker-2')],
  [
    'a request was answered 500',
    'I8',
    /answered 500/,
    (e) => void e.calls.push(call(4, { kind: 'search', answer: { status: 500, code: 'internal' } })),
  ],
  [
    'a request was refused without saying when to come again',
    'I8',
    /without Retry-After/,
    (e) => void e.calls.push(call(4, { kind: 'search', answer: { status: 503, code: 'x' } })),
  ],
  [
    'a request failed where none may',
    'I8',
    /read .* failed: ECONNRESET/,
    (e) => {
      e.mayFail = false
      e.calls.push(call(4, { kind: 'read', id: other, error: 'ECONNRESET' }))
    },
  ],
  [
    'it takes too long to recover',
    'I9',
    /only after 30.1 s/,
    (e) => {
      e.recovery_s = 30.1
    },
  ],
  [
    'it never becomes quiet',
    'I9',
    /does not become quiet: 3 messages/,
    (e) => {
      e.recovery_s = undefined
      e.open = '3 messages'
    },
  ],
  [
    'the view is not a recount',
    'I10',
    /in 2 rows/,
    (e) => {
      e.viewDifferences = 2
    },
  ],
  [
    'the view is not to be refreshed',
    'I10',
    /cannot be refreshed: busy/,
    (e) => {
      e.unrefreshed = 'busy'
    },
  ],
  [
    'two refreshes overlapped',
    'I10',
    /800 ms before/,
    (e) => {
      e.refreshes = e.refreshes.map((one) => ({ ...one, duration_ms: 950 }))
    },
  ],
]

seesAll(t, broken)

function document(evidence: Evidence) {
  const [one] = evidence.documents
  if (one === undefined) throw new Error('there is no document')
  return one
}
