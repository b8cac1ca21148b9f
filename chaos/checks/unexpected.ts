import type { Check, Violation } from './evidence.ts'
import { bodyOf } from './lost.ts'
import { isTombstone, membersOf, operationsOf, tagOf } from './operations.ts'

/** I2: nobody asked for nothing: each version names who asked for it, and that one may have had it. */
export const nothingIsUnexpected: Check = ({ calls, stored, parked, untouched }) => {
  const wanted = new Map<string, { id: string | undefined; first: boolean }>()
  const deletes = new Set<string>()
  for (const { kind, tag = '', id, may, body } of operationsOf(calls)) {
    if (!may) continue
    if (kind === 'delete') deletes.add(id ?? '')
    else if (kind === 'bulk') for (const member of membersOf({ body })) wanted.set(tagOf(member), { id, first: true })
    else wanted.set(tag, { id, first: kind === 'create' })
  }
  const found: Violation[] = []
  const look = (id: string | null, version: number | null, record: Record<string, unknown>, where: string) => {
    const asked = isTombstone(record) ? undefined : wanted.get(tagOf(record))
    const isAsked = isTombstone(record)
      ? deletes.has(id ?? '')
      : asked !== undefined && asked.first === (version === 1) && (asked.id === undefined || asked.id === id)
    if (!isAsked)
      found.push({
        invariant: 'I2',
        says: `nobody asked for ${id} version ${version} (${tagOf(record)}), which is ${where}`,
      })
  }
  for (const { id, version, record } of stored) look(id, version, record, 'persisted')
  for (const row of parked) {
    const record = bodyOf(row)
    if (row.version !== null && record !== undefined) look(row.id, row.version, record, 'parked')
    else if (!calls.some(({ answer }) => answer?.id === row.id))
      found.push({ invariant: 'I2', says: `the parked row ${row.n} (${row.code}) is nobody's` })
  }
  if (untouched.after !== untouched.before)
    found.push({
      invariant: 'I2',
      says: `${untouched.before - untouched.after} older rows changed, which nobody touched`,
    })
  return found
}
