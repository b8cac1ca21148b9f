import { createRandom, type Random } from '../simulation/random.ts'
import type { Called, Caller } from './caller.ts'
import type { Call } from './history.ts'
import type { Rest } from './rests.ts'
import type { LoadSettings } from './settings.ts'

/** What clients know of each other's records: few of them are changed often, most are not. */
interface Known {
  ids: string[]
  etags: Map<string, string>
}

/** What all clients of a load share. */
export interface Shared {
  call: Caller
  settings: LoadSettings
  prefix: string
  known: Known
  nextOp(): number
  /** When a request may be repeated. */
  turn(): Promise<void>
  rest: Rest
  signal: AbortSignal
}

/** Most records that are changed and read; the oldest leave. */
const recordsMax = 300
const hot = 12
const words = ['CAKESTAND', 'LANTERN', 'OWLS', 'TEACUP', 'BUNTING', 'DOORMAT'] as const

/** A closed load: so many clients, each with one request in flight, until the load ends. */
export async function runClosed(seed: number, shared: Omit<Shared, 'turn'>): Promise<void> {
  const all = { ...shared, turn: async () => undefined }
  const clients = Array.from({ length: shared.settings.clients }, (_, at) =>
    runClient(at, createRandom(seed * 1_000 + at), all),
  )
  await Promise.all(clients)
}

/** All that a client chooses follows from `random`. */
async function runClient(client: number, random: Random, shared: Shared): Promise<void> {
  const { settings, rest, signal } = shared
  while (!signal.aborted) {
    const pause_ms = (settings.clients / settings.rate) * 1_000
    const began = performance.now()
    await operate(client, random, shared)
    const left_ms = pause_ms * (0.5 + random.float()) - (performance.now() - began)
    if (left_ms > 0) await rest(left_ms)
  }
}

/** Does one thing that a client may want, with all its attempts. */
export async function operate(client: number, random: Random, shared: Shared): Promise<void> {
  const op = shared.nextOp()
  const tag = `${shared.prefix}${op}`
  const id = pick(random, shared.known)
  const key = random.chance(0.4) ? { key: tag } : {}
  const dice = random.float()
  const base = { client, op }
  const write = (asked: Omit<Call, 'began_ms' | 'ended_ms' | 'client' | 'op'>) =>
    persist({ ...base, ...asked }, random, shared)
  if (dice < shared.settings.searches) {
    await shared.call({ ...base, kind: 'search', body: random.pick(words) })
  } else if (dice < shared.settings.searches + 0.02) {
    const { told } = await write({ kind: 'bulk', tag, ...key, body: bulkOf(tag, random, shared.settings.bulk) })
    if (told?.status === 201) for (const member of told.ids ?? []) remember(shared.known, member)
  } else if (id === undefined || dice < 0.42) {
    const { told, etag } = await write({ kind: 'create', tag, ...key, body: orderOf(tag, random) })
    if (told?.status === 202 && told.id !== undefined) remember(shared.known, told.id, etag)
  } else if (dice < 0.7) {
    const held = random.chance(0.4) ? shared.known.etags.get(id) : undefined
    const body = { reference: tag, quantity: 1 + random.below(100_000) }
    await write({ kind: 'patch', tag, id, ...key, ...(held === undefined ? {} : { if_match: held }), body })
  } else if (dice < 0.72) {
    const { told } = await write({ kind: 'delete', tag, id, ...key })
    if (told?.status === 202) forget(shared.known, id)
  } else {
    const { told, etag } = await shared.call({ ...base, kind: 'read', id })
    if (told?.status === 200 && etag !== undefined) shared.known.etags.set(id, etag)
    if (told?.status === 404) forget(shared.known, id)
  }
}

/** A write: with a key it is sent again after a 503 or no answer, some times, and now and then for no reason at all. */
async function persist(asked: Parameters<Caller>[0], random: Random, shared: Shared): Promise<Called> {
  const tries = asked.key === undefined ? 1 : 2 + random.below(8)
  let called = await shared.call(asked)
  for (let n = 1; n < tries; n += 1) {
    const isOpen = called.told === undefined || called.told.status === 503
    if (!isOpen && !random.chance(0.05)) break
    await shared.rest(50 + random.float() * 500 * n)
    await shared.turn()
    const again = await shared.call(asked)
    if (isOpen || again.told?.status === 202) called = again
    if (shared.signal.aborted) break
  }
  return called
}

export const orderOf = (tag: string, random: Random): OrderBody => ({
  product_name: `${random.pick(words)} ${random.below(1_000)}`,
  amount: (100 + random.below(100_000)) / 100,
  currency: random.pick(['GBP', 'USD', 'EUR']),
  quantity: 1 + random.below(20),
  reference: tag,
})

interface OrderBody {
  product_name: string
  amount: number
  currency: string
  quantity: number
  reference: string
  customer_id?: string
}

/** A bulk of two or more; one in eight has a member that makes it roll back. */
function bulkOf(tag: string, random: Random, most: number) {
  const members = Array.from({ length: 2 + random.below(most - 1) }, (_, at) => orderOf(`${tag}.${at}`, random))
  if (random.chance(0.125)) members.push({ ...orderOf(`${tag}.x`, random), product_name: failing })
  return { orders: members }
}

/** The product that fails inside the transaction of its bulk. */
export const failing = 'ERROR'

function pick(random: Random, { ids }: Known): string | undefined {
  return ids[random.chance(0.4) ? random.below(Math.min(hot, ids.length)) : random.below(ids.length)]
}

function remember({ ids, etags }: Known, id: string, etag?: string): void {
  if (!ids.includes(id)) ids.push(id)
  if (etag !== undefined) etags.set(id, etag)
  if (ids.length > recordsMax) etags.delete(ids.splice(hot, 1)[0] ?? '')
}

function forget({ ids, etags }: Known, id: string): void {
  const at = ids.indexOf(id)
  if (at >= 0) ids.splice(at, 1)
  etags.delete(id)
}
