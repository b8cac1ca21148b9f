import type { Version } from '@ordermill/model'
import { Violation } from './truth.ts'
import type { World } from './world.ts'

/** Whether everything that was accepted has come to where it ends. */
export function isQuiet(world: World): boolean {
  return whatMoves(world) === undefined
}

/** What still moves, in words. */
export function whatMoves({ redis, broker, postgres, engine }: World): string | undefined {
  if (broker.messages().length > 0) return `${broker.messages().length} messages in queues`
  const last = postgres.store.changeSeq
  const { index } = engine.store
  if (last > 0 && (postgres.store.cursors.get(index?.uuid ?? '')?.change_seq ?? 0) < last) return 'the follower'
  for (const [key, { value }] of redis.store.contents()) {
    if (!/:(?:unsent|sent)$/.test(key)) continue
    const marks = [...(value as Map<string, number>).keys()]
    if (marks.length > 0) return `marks: ${key} ${marks.join()}`
  }
  return undefined
}

/** Checks every promise, now that everything is quiet. @throws Violation */
export function checkAll(world: World): void {
  const persisted = persistedOf(world)
  nothingIsLost(world, persisted)
  nothingIsUnexpected(world, persisted)
  keysActOnce(persisted)
  searchEqualsPostgres(world)
  cacheEqualsPostgres(world)
  parkedIsIntact(world)
  clientsReadTheirWrites(world)
  if (!world.plan.forgets) itAddsUp(world, persisted)
}

/** All versions in the table and its history, by hash. */
function persistedOf({ postgres: { store } }: World): Map<string, Version> {
  return new Map([...store.rows.values(), ...store.history.values()].map((version) => [version.hash, version]))
}

const isParked = ({ postgres: { store } }: World, hash: string) =>
  [...store.parked.values()].some((row) => row.hash === hash && row.state === 'PARKED' && row.reason !== '')

function nothingIsLost(world: World, persisted: Map<string, Version>): void {
  const { truth, postgres, plan } = world
  for (const { id, hash, version } of truth.promises.values()) {
    const name = `${truth.nameOf(id)} v${version}`
    if (isParked(world, hash)) {
      if (!plan.forgets && !hasReason(world, hash))
        throw new Violation(`I1: ${name} is parked, though Redis forgot nothing`)
      continue
    }
    if (persisted.has(hash)) continue
    if (truth.descends(postgres.store.rows.get(id)?.hash ?? null, hash)) continue
    throw new Violation(`I1: ${name} was accepted and is lost`)
  }
}

/** A version that was in hand when three workers died is parked for that; what was built on it is a conflict then. */
function hasReason({ truth, postgres }: World, hash: string): boolean {
  const others = [...postgres.store.parked.values()].filter(({ code }) => code !== 'conflict')
  return others.some((row) => truth.descends(hash, row.hash ?? ''))
}

function nothingIsUnexpected({ truth, postgres: { store } }: World, persisted: Map<string, Version>): void {
  for (const [hash, { id, version }] of persisted)
    if (truth.known.get(hash)?.version !== version) throw new Violation(`I2: nobody built ${id} v${version}`)
  for (const { hash, id } of store.parked.values())
    if (!truth.known.has(hash ?? '')) throw new Violation(`I2: what is parked of ${id} nobody built`)
}

function keysActOnce(persisted: Map<string, Version>): void {
  const effects = new Map<string, string>()
  for (const { keys, hash, version } of persisted.values()) {
    const use = keys.at(-1)
    if (use === undefined || use.version !== version) continue
    if (effects.has(use.key)) throw new Violation(`I3: the key ${use.key} had two effects`)
    effects.set(use.key, hash)
  }
}

function searchEqualsPostgres({ engine: { store }, postgres, truth }: World): void {
  const documents = store.index?.documents ?? new Map<string, { version: number; text: string }>()
  const { rows } = postgres.store
  for (const { id, change_seq, version, text } of rows.values()) {
    const found = documents.get(id)
    const stored = found === undefined ? undefined : (JSON.parse(found.text) as { version: number })
    const { quantity } = JSON.parse(text) as { quantity: number }
    if (
      found?.version !== change_seq ||
      stored?.version !== version ||
      (stored as { quantity?: number }).quantity !== quantity
    )
      throw new Violation(`I5: search has ${truth.nameOf(id)} v${stored?.version}, Postgres v${version}`)
  }
  if (documents.size > rows.size) throw new Violation('I5: search has what Postgres has not')
}

function cacheEqualsPostgres(world: World): void {
  const { redis, postgres, truth } = world
  const contents = redis.store.contents()
  for (const [key, { value, expiresAt }] of contents) {
    if (typeof value !== 'string') continue
    const found = /^(\d+) (\S+) (\S+) .*\n/.exec(value)
    const id = key.slice(key.lastIndexOf('orders:') + 'orders:'.length)
    if (found === null || !id.includes('-')) continue
    const [, version, hash = '', epoch = ''] = found
    // A copy of an earlier epoch is not served as it is: it is held against Postgres first.
    const inForce = String(contents.get(`${key.slice(0, key.indexOf('}') + 1)}:orders:epoch`)?.value)
    if (expiresAt !== undefined && !inForce.startsWith(`${redis.store.runId()} ${epoch} `)) continue
    const row = postgres.store.rows.get(id.slice(0, 36))
    if (row?.hash === hash && expiresAt !== undefined) continue
    if (isParked(world, hash)) continue
    throw new Violation(
      `I6: the cache has ${truth.nameOf(id.slice(0, 36))} v${version}${expiresAt === undefined ? ' for ever' : ''}, Postgres v${row?.version}`,
    )
  }
}

/** What was parked may be gone from the cache with all that was built on it; nothing else. */
function clientsReadTheirWrites({ suspicions, truth, postgres }: World): void {
  const parked = [...postgres.store.parked.values()].map(({ hash }) => hash ?? '')
  for (const { promised, what } of suspicions)
    if (!promised.some((hash) => parked.some((gone) => truth.descends(hash, gone)))) throw new Violation(what)
}

function parkedIsIntact({ truth, postgres }: World): void {
  for (const { hash, body, id } of postgres.store.parked.values())
    if (truth.known.get(hash ?? '')?.text !== body.toString())
      throw new Violation(`I7: the bytes of what is parked of ${id} changed`)
}

/** What the cache took, or went around it, has ended; nothing else has; nothing twice. */
function itAddsUp({ truth, postgres }: World, persisted: Map<string, Version>): void {
  const ended = new Map<string, string>()
  for (const hash of [...persisted.keys(), ...[...postgres.store.parked.values()].map((row) => row.hash ?? '')])
    for (let at = truth.known.get(hash); at !== undefined; at = truth.known.get(at.parent ?? ''))
      ended.set(`${at.id}:${at.version}`, at.hash)
  for (const [member, times] of truth.acceptances) {
    const [id = '', version] = member.split(':')
    if (times > 1) throw new Violation(`I7: ${truth.nameOf(id)} v${version} was accepted ${times} times`)
    if (!ended.has(member)) throw new Violation(`I7: ${truth.nameOf(id)} v${version} was accepted and has not ended`)
  }
  for (const [member, hash] of ended)
    if (!truth.acceptances.has(member) && !truth.bypasses.has(hash))
      throw new Violation(`I7: ${member} was never accepted`)
}
