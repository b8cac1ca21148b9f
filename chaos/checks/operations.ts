import type { Call } from '../load/history.ts'
import type { Stored } from './evidence.ts'

/** One thing that a client wanted, and all its attempts at it. */
export interface Operation extends Pick<Call, 'op' | 'kind' | 'tag' | 'key' | 'id' | 'body'> {
  calls: Call[]
  /** The answers that accepted it. */
  accepted: NonNullable<Call['answer']>[]
  /** Whether it may have an effect: it was accepted, or nobody can say that it was not. */
  may: boolean
}

/** All writes of a history, by what stands in what they make. */
export function operationsOf(calls: Call[]): Operation[] {
  const byOp = new Map<number, Operation>()
  for (const call of calls) {
    if (call.tag === undefined) continue
    const { op, kind, tag, key, id, body } = call
    const known = byOp.get(op)
    const operation = known ?? ({ op, kind, tag, key, id, body, calls: [], accepted: [], may: false } as Operation)
    operation.calls.push(call)
    if (isAccepted(call)) operation.accepted.push(call.answer)
    operation.may ||= isOpen(call)
    byOp.set(op, operation)
  }
  return [...byOp.values()]
}

const isAccepted = (call: Call): call is Call & Required<Pick<Call, 'answer'>> =>
  call.answer !== undefined && call.answer.status >= 200 && call.answer.status < 300

/** Whether what was asked for may turn up after this call: it was taken, or nobody told what became of it. */
export function isOpen({ answer, error }: Call): boolean {
  if (answer === undefined) return error !== 'ECONNREFUSED'
  const { status, code } = answer
  return status < 300 || code === 'outcome-open' || (status >= 500 && status !== 503)
}

export const isTombstone = (record: Record<string, unknown>): boolean =>
  record['deleted_at'] !== undefined && record['deleted_at'] !== null

/** Who asked for a version: what stands in it; a tombstone has it from the version before. */
export const tagOf = (record: Record<string, unknown>): string => String(record['reference'] ?? '')

/** Versions that are no tombstones, by who asked for them. */
export function byTag(stored: Pick<Stored, 'id' | 'version' | 'hash' | 'record'>[]) {
  const found = new Map<string, typeof stored>()
  for (const version of stored) {
    if (isTombstone(version.record)) continue
    const tag = tagOf(version.record)
    found.set(tag, [...(found.get(tag) ?? []), version])
  }
  return found
}

/** The members that a bulk asked for. */
export const membersOf = ({ body }: Pick<Operation, 'body'>): Record<string, unknown>[] =>
  (body as { orders?: Record<string, unknown>[] } | undefined)?.orders ?? []

export function groupBy<T>(list: T[], key: (one: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const one of list) {
    const group = groups.get(key(one))
    if (group === undefined) groups.set(key(one), [one])
    else group.push(one)
  }
  return groups
}
