import { failing } from '../load/clients.ts'
import type { Check, ParkedRow, Violation } from './evidence.ts'
import { byTag, isTombstone, membersOf, type Operation, operationsOf, tagOf } from './operations.ts'

/** I1: what was accepted is persisted, superseded by what was built on it, or parked with its reason. */
export const nothingIsLost: Check = ({ calls, stored, parked }) => {
  const tags = byTag(stored)
  const versions = new Map(stored.map((one) => [`${one.id}:${one.version}`, one]))
  const setAside = parked.filter(({ state, code, reason }) => state === 'PARKED' && code !== '' && reason !== '')
  const lost: Violation[] = []
  const say = (operation: Operation, what: string) =>
    lost.push({ invariant: 'I1', says: `${operation.kind} ${operation.tag}: ${what}` })

  const single = (operation: Operation): void => {
    const found = tags.get(operation.tag ?? '')?.[0]
    const told = operation.accepted.find(({ replayed }) => replayed !== true)
    if (found === undefined) {
      if (!setAside.some((row) => bodyOf(row)?.['reference'] === operation.tag))
        say(
          operation,
          `was answered ${operation.accepted[0]?.status} and is lost (${told?.id} version ${told?.version})`,
        )
      return
    }
    if (told !== undefined && (told.id !== found.id || told.version !== found.version))
      say(operation, `was answered ${told.id} version ${told.version}, and is ${found.id} version ${found.version}`)
    const wrong = differs(operation.body, found.record)
    if (wrong !== undefined) say(operation, `is persisted with another ${wrong}`)
  }
  const deleted = (operation: Operation): void => {
    for (const { id, version, replayed } of operation.accepted) {
      const found = versions.get(`${id}:${version}`)
      if (found !== undefined && isTombstone(found.record)) continue
      if (replayed && stored.some((one) => one.id === id && isTombstone(one.record))) continue
      if (!setAside.some((row) => row.id === id && isTombstone(bodyOf(row) ?? {})))
        say(operation, `was answered, and ${id} version ${version} is no tombstone`)
    }
  }
  const bulk = (operation: Operation): void => {
    const members = membersOf(operation)
    const found = members.filter((member) => tags.has(tagOf(member)))
    if (setAside.some(({ id }) => operation.accepted.some((told) => told.id === id))) return
    const expected = members.some(({ product_name }) => product_name === failing) ? 0 : members.length
    if (found.length !== expected) say(operation, `has ${found.length} of ${expected} members`)
    for (const member of found) {
      const wrong = differs(member, tags.get(tagOf(member))?.[0]?.record ?? {})
      if (wrong !== undefined) say(operation, `has a member with another ${wrong}`)
    }
  }
  const checks = {
    create: single,
    patch: single,
    delete: deleted,
    bulk,
    read: () => undefined,
    search: () => undefined,
  }
  for (const operation of operationsOf(calls)) if (operation.accepted.length > 0) checks[operation.kind](operation)
  return lost
}

/** I1: what was refused for certain never turns up. */
export const nothingRefusedTurnsUp: Check = ({ calls, stored, parked }) => {
  const tags = byTag(stored)
  const parkedTags = new Set(parked.map((row) => tagOf(bodyOf(row) ?? {})))
  return operationsOf(calls)
    .filter(({ may }) => !may)
    .flatMap(({ kind, tag = '', calls: tries, body }) => {
      const wanted = kind === 'bulk' ? membersOf({ body }).map(tagOf) : kind === 'delete' ? [] : [tag]
      if (!wanted.some((one) => tags.has(one) || parkedTags.has(one))) return []
      const answers = tries.map(({ answer, error }) => answer?.code ?? answer?.status ?? error).join(', ')
      return [{ invariant: 'I1', says: `${kind} ${tag} was refused (${answers}) and turned up` }]
    })
}

export function bodyOf({ body }: Pick<ParkedRow, 'body'>): Record<string, unknown> | undefined {
  try {
    return JSON.parse(body) as Record<string, unknown>
  } catch {
    return undefined
  }
}

/** The first field that was asked for and is another one. */
function differs(asked: unknown, record: Record<string, unknown>): string | undefined {
  return Object.entries((asked ?? {}) as Record<string, unknown>).find(([name, value]) => record[name] !== value)?.[0]
}
