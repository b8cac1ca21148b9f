import {
  firstVersion,
  nextVersion,
  orders,
  readCreate,
  readPatch,
  type StoredRecord,
  type Version,
} from '@ordermill/model'
import type { Test } from 'tap'
import type { Call } from '../load/history.ts'
import type { Evidence, ParkedRow, Stored } from './evidence.ts'
import { checks } from './index.ts'

const id = '01936f5e-8a4c-7d20-9b1e-3f5a6c7d8e9f'
const now = '2026-01-31T09:30:00.125Z'

/** A first version as a client with this tag asks for it. */
export function created(tag: string, of = id): Version {
  return firstVersion(orders, { id: of, content: readCreate(orders, order(tag), now), now })
}

/** The version after it. */
export function changed(base: Version, tag: string, quantity = 7): Version {
  const record = JSON.parse(base.text) as StoredRecord
  const next = nextVersion(
    orders,
    { ...base, record },
    { ...readPatch(orders, { reference: tag, quantity }, record), now },
  )
  if (next === undefined) throw new Error('nothing changed')
  return next
}

export const order = (tag: string, product_name = 'LAMP') => ({ product_name, amount: 2.5, reference: tag })

/** A version as Postgres has it; it stands if it has a change number. */
export const stored = (version: Version, change_seq: number | null): Stored => ({
  ...{ id: version.id, version: version.version, hash: version.hash, parent: version.parent, change_seq },
  record: JSON.parse(version.text) as Record<string, unknown>,
})

export const parkedAs = (version: Version, reason = 'a check failed'): ParkedRow => ({
  ...{ n: 1, id: version.id, version: version.version, hash: version.hash, parent: version.parent },
  ...{ code: 'sql-23514', reason, state: 'PARKED', body: version.text },
})

export const call = (op: number, given: Partial<Call> & Pick<Call, 'kind'>): Call => ({
  ...{ client: 0, op, began_ms: op * 10, ended_ms: op * 10 + 5 },
  ...(given.kind === 'read' || given.kind === 'search' ? {} : { tag: `t-${op}` }),
  ...given,
})

/** An order that was placed, changed and read, and stands everywhere as it should. Checks have nothing to say about it. */
export function well(): Evidence {
  const first = created('t-1')
  const second = changed(first, 't-2')
  const record = JSON.parse(second.text) as Record<string, unknown>
  return {
    head: { scenario: 'test', seed: 1, prefix: 't-', change_seq: 0, parked: 0 },
    mayFail: true,
    calls: [
      call(1, { kind: 'create', body: order('t-1'), key: 't-1', answer: { status: 202, id, version: 1 } }),
      call(2, { kind: 'patch', id, body: { reference: 't-2', quantity: 7 }, answer: { status: 202, id, version: 2 } }),
      call(3, { kind: 'read', id, answer: { status: 200, id, version: 2 } }),
    ],
    stored: [stored(first, null), stored(second, 2)],
    untouched: { before: 5, after: 5 },
    parked: [],
    rows: [{ id, change_seq: 2, record }],
    documents: [{ id, change_seq: 2, record: { ...record } }],
    cached: [{ id, version: 2, hash: second.hash, expires: true, in_force: true }],
    dirty: { unsent: 0, sent: 0, parked: 0 },
    accounting: { exact: true, difference: 0, in_flight: 0 },
    accounted: { persisted: 2, stored: 2 },
    memory: { 'api-1': 180 },
    dead: [],
    recovery_s: 2,
    open: undefined,
    refreshes: [
      { as_of_ms: 0, duration_ms: 100, outcome: 'refreshed' },
      { as_of_ms: 150, duration_ms: 100, outcome: 'refreshed' },
    ],
    viewDifferences: 0,
    unrefreshed: undefined,
  }
}

/** What is broken, the promise that it breaks, how that is told, and how it is broken. */
export type Broken = [what: string, invariant: string, says: RegExp, breakIt: (evidence: Evidence) => void]

export const found = (evidence: Evidence) => checks.flatMap((check) => check(evidence))

/** All checks are asked about evidence that was well and then broken: one has to see it. */
export function seesAll(t: Pick<Test, 'test'>, broken: Broken[]): void {
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
}

export const other = '01936f5e-8a4c-7d20-9b1e-000000000001'
export const first = (evidence: Evidence): Stored => evidence.stored[0] as Stored
export const second = (evidence: Evidence): Stored => evidence.stored[1] as Stored
export const callAt = (evidence: Evidence, at: number): Call => evidence.calls[at] as Call

/** The change is parked instead of persisted. */
export function park(evidence: Evidence, reason: string): void {
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
