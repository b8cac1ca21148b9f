import t from 'tap'
import { failing } from '../load/clients.ts'
import type { Call } from '../load/history.ts'
import type { Evidence, Stored } from './evidence.ts'
import { checks } from './index.ts'
import { call, changed, created, order, parkedAs, stored, well } from './testing.ts'

const found = (evidence: Evidence) => checks.flatMap((check) => check(evidence))
const other = '01936f5e-8a4c-7d20-9b1e-000000000001'
const first = (evidence: Evidence): Stored => evidence.stored[0] as Stored
const second = (evidence: Evidence): Stored => evidence.stored[1] as Stored
const callAt = (evidence: Evidence, at: number): Call => evidence.calls[at] as Call

t.test('of what is as it should be no check says anything', async (t) => {
  t.same(found(well()), [])
})

/** What is broken, the check that has to see it, and how it is broken. */
const broken: [string, string, RegExp, (e: Evidence) => void][] = [
  [
    'a change that was answered 202 is nowhere',
    'I1',
    /patch t-2: was answered 202 and is lost/,
    (e) => {
      e.stored = [{ ...first(e), change_seq: 2 }]
      e.calls = e.calls.slice(0, 2)
    },
  ],
  ['a change is parked without a reason', 'I1', /t-2: was answered 202 and is lost/, (e) => park(e, '')],
  [
    'a version that was answered is another one',
    'I1',
    /is 01936f5e-8a4c-7d20-9b1e-3f5a6c7d8e9f version 2/,
    (e) => {
      callAt(e, 1).answer = { status: 202, id: first(e).id, version: 3 }
    },
  ],
  [
    'an order is persisted with another amount than was asked for',
    'I1',
    /another amount/,
    (e) => {
      callAt(e, 0).body = { ...order('t-1'), amount: 3 }
    },
  ],
  [
    'an order that was refused turns up',
    'I1',
    /was refused \(cache-away\) and turned up/,
    (e) => {
      callAt(e, 0).answer = { status: 503, code: 'cache-away', retry_after: 1 }
    },
  ],
  [
    'an order that was never sent turns up',
    'I1',
    /was refused \(ECONNREFUSED\) and turned up/,
    (e) => {
      const { answer: _, ...sent } = callAt(e, 0)
      e.calls[0] = { ...sent, error: 'ECONNREFUSED' }
    },
  ],
  [
    'a deleted order is not deleted',
    'I1',
    /is no tombstone/,
    (e) => {
      e.calls.push(call(4, { kind: 'delete', id: first(e).id, answer: { status: 202, id: first(e).id, version: 3 } }))
    },
  ],
  [
    'a bulk that was committed lacks all its members',
    'I1',
    /has 0 of 2 members/,
    (e) => {
      const body = { orders: [order('t-4.0'), order('t-4.1')] }
      e.calls.push(call(4, { kind: 'bulk', body, answer: { status: 201, id: other, ids: [] } }))
    },
  ],
  [
    'a bulk with a member that fails is there',
    'I1',
    /has 1 of 0 members/,
    (e) => {
      const body = { orders: [order('t-4.0'), order('t-4.x', failing)] }
      e.calls.push(call(4, { kind: 'bulk', body, answer: { status: 202, id: other } }))
      e.stored.push(stored(created('t-4.0', other), 3))
    },
  ],
  ['an order is there that nobody asked for', 'I2', /nobody asked for/, (e) => add(e, created('t-9', other))],
  [
    'a change is on a record that it was not asked for',
    'I2',
    /nobody asked for/,
    (e) => {
      callAt(e, 1).id = other
    },
  ],
  [
    'a record was deleted by nobody',
    'I2',
    /nobody asked for/,
    (e) => {
      second(e).record['deleted_at'] = '2026-01-31T09:30:00.125Z'
    },
  ],
  [
    'an older row changed',
    'I2',
    /1 older rows changed/,
    (e) => {
      e.untouched.after = 4
    },
  ],
  ['a key made two orders', 'I3', /t-1 had 2 effects/, (e) => add(e, created('t-1', other))],
  [
    'a key was answered with two ids',
    'I3',
    /answered with 2 ids/,
    (e) => {
      e.calls.push({ ...callAt(e, 0), answer: { status: 202, id: other, version: 1 } })
    },
  ],
  [
    'half a bulk is there',
    'I3',
    /1 of 2 members are persisted/,
    (e) => {
      const body = { orders: [order('t-4.0'), order('t-4.1')] }
      e.calls.push(call(4, { kind: 'bulk', body, error: 'TIMEOUT' }))
      add(e, created('t-4.0', other))
    },
  ],
  [
    'a version is missing from the chain',
    'I4',
    /version 1 is missing/,
    (e) => {
      e.stored = [second(e)]
      e.calls = e.calls.slice(1)
    },
  ],
  [
    'a version was built on one that does not stand',
    'I4',
    /was not built on version 1/,
    (e) => {
      second(e).parent = created('t-8').hash
    },
  ],
  [
    'a version is not what its hash says',
    'I4',
    /not what its hash says/,
    (e) => {
      second(e).record['updated_at'] = '2026-02-01T00:00:00.000Z'
    },
  ],
  [
    'an older version stands',
    'I4',
    /version 1 stands/,
    (e) => {
      e.stored = [
        { ...first(e), change_seq: 3 },
        { ...second(e), change_seq: null },
      ]
    },
  ],
  [
    'a reader saw a record go back',
    'I4',
    /was read at version 1, after version 2/,
    (e) => {
      e.calls.push(call(4, { kind: 'read', id: first(e).id, answer: { status: 200, version: 1 } }))
    },
  ],
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
    'two refreshes overlapped',
    'I10',
    /800 ms before/,
    (e) => {
      e.refreshes = e.refreshes.map((one) => ({ ...one, duration_ms: 950 }))
    },
  ],
]

for (const [what, invariant, says, breakIt] of broken)
  t.test(`${invariant} sees it: ${what}`, async (t) => {
    const evidence = well()
    breakIt(evidence)
    const seen = found(evidence).filter((violation) => violation.invariant === invariant)
    t.ok(
      seen.some((violation) => says.test(violation.says)),
      JSON.stringify(seen),
    )
  })

/** What looks like one of these and is none. */
const fine: [string, (e: Evidence) => void][] = [
  ['a change that is parked with its reason', (e) => park(e, 'a check failed')],
  [
    'an order whose outcome was left open',
    (e) => {
      callAt(e, 0).answer = { status: 503, code: 'outcome-open', retry_after: 1 }
    },
  ],
  [
    'a key that was refused first and accepted then',
    (e) =>
      void e.calls.unshift({
        ...callAt(e, 0),
        began_ms: 1,
        ended_ms: 2,
        answer: { status: 503, code: 'x', retry_after: 1 },
      }),
  ],
  [
    'the same answer again',
    (e) => void e.calls.push({ ...callAt(e, 0), answer: { status: 202, id: first(e).id, version: 2, replayed: true } }),
  ],
  [
    'a stale answer that says so',
    (e) => {
      callAt(e, 2).answer = { status: 200, version: 1, bypass: true }
    },
  ],
  [
    'a read that began before the write was answered',
    (e) => {
      callAt(e, 2).began_ms = 22
      callAt(e, 2).answer = { status: 200, version: 1 }
    },
  ],
  [
    'a cached copy of an epoch that is over',
    (e) => {
      e.cached = [{ ...first(e), expires: true, in_force: false }]
    },
  ],
]

for (const [what, change] of fine)
  t.test(`no check takes offence at ${what}`, async (t) => {
    const evidence = well()
    change(evidence)
    t.same(found(evidence), [])
  })

function add(evidence: Evidence, version: ReturnType<typeof created>): void {
  evidence.stored.push(stored(version, 3))
}

/** The change is parked instead of persisted. */
function park(evidence: Evidence, reason: string): void {
  const [version] = evidence.stored
  const one = created('t-1')
  if (version?.hash !== one.hash) throw new Error('versions differ')
  const record = JSON.parse(one.text) as Record<string, unknown>
  evidence.stored = [stored(one, 1)]
  evidence.rows = [{ id: one.id, change_seq: 1, record }]
  evidence.documents = [{ id: one.id, change_seq: 1, record }]
  evidence.parked = [parkedAs(changed(one, 't-2'), reason)]
  evidence.accounted = { persisted: 1, stored: 1 }
}

function document(evidence: Evidence) {
  const [one] = evidence.documents
  if (one === undefined) throw new Error('there is no document')
  return one
}
