import type { Check, Violation } from './evidence.ts'
import { byTag, groupBy, isTombstone, membersOf, operationsOf, tagOf } from './operations.ts'

/** I3: whatever was asked for once, under however many attempts, is there once. */
export const keysActOnce: Check = ({ calls, stored }) => {
  const found: Violation[] = []
  for (const [tag, versions] of byTag(stored))
    if (versions.length > 1) found.push({ invariant: 'I3', says: `${tag} had ${versions.length} effects` })
  const tombstones = stored.filter(({ record }) => isTombstone(record))
  for (const [id, versions] of groupBy(tombstones, (one) => one.id))
    if (versions.length > 1) found.push({ invariant: 'I3', says: `${id} was deleted ${versions.length} times` })
  for (const { tag, key, calls: tries } of operationsOf(calls)) {
    const made = new Set(
      tries.flatMap(({ answer }) => (answer !== undefined && answer.status < 300 ? [answer.id] : [])),
    )
    if (key !== undefined && made.size > 1)
      found.push({ invariant: 'I3', says: `the key of ${tag} was answered with ${made.size} ids` })
  }
  return found
}

/** I3: a bulk is there whole or not at all. */
export const bulksAreWhole: Check = ({ calls, stored }) => {
  const tags = byTag(stored)
  return operationsOf(calls)
    .filter(({ kind }) => kind === 'bulk')
    .flatMap((operation) => {
      const members = membersOf(operation)
      const there = members.filter((member) => tags.has(tagOf(member))).length
      if (there === 0 || there === members.length) return []
      return [{ invariant: 'I3', says: `of bulk ${operation.tag} ${there} of ${members.length} members are persisted` }]
    })
}
