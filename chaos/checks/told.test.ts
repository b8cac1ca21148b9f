import t from 'tap'
import { failing } from '../load/clients.ts'
import type { Evidence } from './evidence.ts'
import {
  type Broken,
  call,
  callAt,
  created,
  first,
  found,
  order,
  other,
  park,
  second,
  seesAll,
  stored,
  well,
} from './testing.ts'

t.test('of what is as it should be no check says anything', async (t) => {
  t.same(found(well()), [])
})

/** I1 to I4: what clients were told, against what is persisted. */
const broken: Broken[] = [
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
]

seesAll(t, broken)

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
