import type { Call } from '../load/history.ts'
import type { Check, Violation } from './evidence.ts'
import { groupBy, isOpen } from './operations.ts'

/** I6: nothing is dirty, and each cached copy that would be served is what Postgres has, or parked. */
export const cacheEqualsPostgres: Check = ({ rows, stored, parked, cached, dirty }) => {
  const found: Violation[] = []
  if (dirty.unsent + dirty.sent > 0)
    found.push({ invariant: 'I6', says: `${dirty.unsent} unsent and ${dirty.sent} sent marks stand` })
  const standing = new Map(stored.filter(({ change_seq }) => change_seq !== null).map(({ id, hash }) => [id, hash]))
  const versions = new Map(rows.map(({ id, record }) => [id, record['version']]))
  const setAside = new Set(parked.map(({ hash }) => hash))
  for (const { id, version, hash, expires, in_force } of cached) {
    if (setAside.has(hash)) continue
    if (!expires) {
      found.push({ invariant: 'I6', says: `the cache has ${id} version ${version} for ever` })
      continue
    }
    if (!in_force) continue
    const known = standing.get(id)
    if (known === undefined ? versions.get(id) !== version : known !== hash)
      found.push({ invariant: 'I6', says: `the cache has ${id} version ${version}, Postgres ${versions.get(id)}` })
  }
  return found
}

/** I6: after a write was answered, nobody reads anything older; what went past the cache is excepted. */
export const writesAreRead: Check = ({ calls, parked }) => {
  const isParked = new Set(parked.map(({ id }) => id))
  const found: Violation[] = []
  const about = (call: Call) => (call.kind === 'create' ? (call.answer?.id ?? '') : (call.id ?? ''))
  const expanded = calls.flatMap((call) =>
    call.kind === 'bulk'
      ? (call.answer?.ids ?? []).map((id) => ({
          ...call,
          kind: 'create' as const,
          answer: { status: 201, id, version: 1 },
        }))
      : [call],
  )
  for (const [id, ofOne] of groupBy(expanded, about)) {
    if (id === '' || isParked.has(id)) continue
    const writes = ofOne
      .filter(({ kind, answer }) => kind !== 'read' && answer !== undefined && answer.status < 300 && !answer.bypass)
      .sort((a, b) => a.ended_ms - b.ended_ms)
    const deletes = ofOne.filter((call) => call.kind === 'delete' && isOpen(call))
    const reads = ofOne.filter(({ kind }) => kind === 'read').sort((a, b) => a.began_ms - b.began_ms)
    let [at, known] = [0, 0]
    for (const { began_ms, ended_ms, answer } of reads) {
      for (let write = writes[at]; write !== undefined && write.ended_ms < began_ms; write = writes[++at])
        known = Math.max(known, write.answer?.version ?? 0)
      if (answer === undefined || answer.bypass === true || known === 0) continue
      if (answer.status === 200 && (answer.version ?? 0) < known)
        found.push({
          invariant: 'I6',
          says: `${id} was read at version ${answer.version} after version ${known} was accepted`,
        })
      if (answer.status === 404 && !deletes.some((call) => call.began_ms < ended_ms))
        found.push({ invariant: 'I6', says: `${id} was not found after version ${known} was accepted` })
    }
  }
  return found
}
