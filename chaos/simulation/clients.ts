import { NotFound, Refused, Unavailable } from '@ordermill/model'
import type { Caller } from '../../services/api/accepting.ts'
import { etagOf } from '../../services/api/preconditions.ts'
import type { Receipt } from '../../services/api/writer.ts'
import type { Api } from './api.ts'
import { opensAt_ms } from './plans.ts'
import { badReference } from './postgres.ts'
import type { World } from './world.ts'

/** Who uses the API: any number of processes, of which each request meets one. */
export interface Clients {
  /** Resolves when all of them have done what they came for. */
  done(): boolean
}

interface ClientParts {
  world: World
  apis(): Api[]
  /** Told what a client saw that it must not see. */
  failed(error: unknown): void
}

const requestTimeout_ms = 1_500
/** Nobody asks for older records than so many. */
const recent = 6

type Send = (api: Required<Api>) => Promise<Receipt>

/** A write as it is sent, and again with another body under the same key; what it made, if it was accepted. */
interface Sent {
  what: string
  key: string | undefined
  id?: string
  version?: number
  send: Send
  sendOther: Send
}

/** A request got no answer: the process is gone, or too slow. */
class NoAnswer extends Error {}

/** Starts some clients that share a few records. */
export function startClients({ world, apis, failed }: ClientParts): Clients {
  const { random, plan } = world
  const { operationsMin } = plan.habits
  const records: string[] = []
  let open = 2 + random.below(3)
  for (let n = open; n > 0; n -= 1) {
    const client = createClient(world, apis, records, `c${n}`)
    void client(operationsMin + random.below(13 - operationsMin)).then(
      () => {
        open -= 1
      },
      (error: unknown) => failed(error),
    )
  }
  return { done: () => open === 0 }
}

function createClient(world: World, apis: () => Api[], records: string[], name: string) {
  const { scheduler, random, truth, trace } = world
  const { habits, badChance } = world.plan
  const sentBefore: Sent[] = []
  const tags = new Map<string, string>()
  let count = 0
  const sleep = (ms: number) => new Promise<void>((resolve) => scheduler.after(ms, undefined, resolve))

  /** Sends a request to one of the processes and waits for its answer, not for ever. */
  const request = <T>(work: (api: Required<Api>) => Promise<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      const all = apis()
      const api = all[random.below(all.length)]
      const way_ms = () => random.float() * 2
      scheduler.after(requestTimeout_ms, undefined, () => reject(new NoAnswer()))
      if (api === undefined || !api.process.alive)
        return void scheduler.after(way_ms(), undefined, () => reject(new NoAnswer()))
      scheduler.after(way_ms(), api.process, () => {
        if (api.writer === undefined || api.reader === undefined) return
        work(api as Required<Api>).then(
          (value) => scheduler.after(way_ms(), undefined, () => resolve(value)),
          (error) => scheduler.after(way_ms(), undefined, () => reject(error)),
        )
      })
    })
  const reference = () => (random.chance(badChance) ? badReference : `${name}-${count}`)
  const caller = (key?: string): Caller => ({
    correlationId: `${name}-${count}`,
    sentId: undefined,
    traceparent: undefined,
    key,
    replyTo: undefined,
  })
  const text = (thrown: unknown) =>
    thrown instanceof Error ? ('code' in thrown ? String(thrown.code) : thrown.constructor.name) : String(thrown)

  const suspect = (what: string, promised: string[]) => world.suspicions.push({ what, promised })

  /** A write: with a key it is repeated until it is answered, without one nobody knows. */
  const write = async ({ what, key, id, send }: Sent): Promise<Receipt | undefined> => {
    for (let tries = 0; tries < 12; tries += 1) {
      const known = id === undefined ? 0 : truth.acknowledgedOf(id)
      const promised = id === undefined ? [] : truth.promisesOf(id, known)
      try {
        if (key !== undefined && random.chance(habits.twice)) request(send).catch(() => undefined)
        const receipt = await request(send)
        trace(() => `${name}: ${what}: ${truth.nameOf(receipt.id)} v${receipt.version} ${receipt.outcome}`)
        acknowledge(receipt)
        if (receipt.outcome === 'accepted' && receipt.version <= known)
          suspect(`I4: ${truth.nameOf(receipt.id)} v${receipt.version} was accepted after v${known} was`, promised)
        return receipt
      } catch (thrown) {
        trace(() => `${name}: ${what}: ${text(thrown)}`)
        if (thrown instanceof Refused) return undefined
        if (!(thrown instanceof Unavailable) && !(thrown instanceof NoAnswer)) throw thrown
        if (key === undefined) return undefined
        await sleep(random.between(10, 600))
      }
    }
    return undefined
  }
  /** What went around the cache cannot be read before it is persisted. */
  const acknowledge = ({ id, version, outcome }: Receipt) => {
    if (outcome !== 'bypassed') truth.acknowledged(id, version)
  }
  const remember = (sent: Sent, receipt: Receipt | undefined) => {
    if (receipt !== undefined && sent.key !== undefined && receipt.outcome === 'accepted')
      sentBefore.push({ ...sent, id: receipt.id, version: receipt.version })
    return receipt
  }
  const create = async () => {
    const key = random.chance(habits.keyed) ? `${name}-${count}` : undefined
    const body = { product_name: `${name} ${count}`, amount: 1 + random.below(99), reference: reference() }
    const sending =
      (more: object): Send =>
      ({ writer }) => {
        const made = (members: object, by?: string) =>
          (writer as NonNullable<typeof writer>).create({ ...body, ...members }, caller(by))
        for (let n = habits.company; n > 0; n -= 1) made({ quantity: n }).catch(() => undefined) // nobody is told of them
        return made(more, key)
      }
    const sent = { what: `create${keyed(key)}`, key, send: sending({}), sendOther: sending({ amount: 1_000 }) }
    const receipt = remember(sent, await write(sent))
    if (receipt !== undefined && !records.includes(receipt.id)) records.push(receipt.id)
    return receipt?.id
  }
  const change = async (id: string) => {
    const key = random.chance(habits.keyed) ? `${name}-${count}` : undefined
    const ifMatch = random.chance(0.3) ? tags.get(id) : undefined
    const body = { quantity: 1 + random.below(1e6), reference: reference() }
    const sending =
      (more: object): Send =>
      ({ writer }) =>
        (writer as NonNullable<typeof writer>).update(id, { ...body, ...more }, caller(key), ifMatch)
    const what = `patch ${truth.nameOf(id)}${keyed(key)}`
    const sent = { what, key, id, send: sending({}), sendOther: sending({ quantity: 2e6 }) }
    remember(sent, await write(sent))
  }
  const remove = (id: string) => {
    const send: Send = ({ writer }) => (writer as NonNullable<typeof writer>).remove(id, caller(), undefined)
    return write({ what: `delete ${truth.nameOf(id)}`, key: undefined, id, send, sendOther: send })
  }
  /** What was accepted long ago is sent again under its key, or something else is. */
  const again = async (sent: Sent) => {
    const isOther = random.chance(0.3)
    const { id = '', version = 0, what } = sent
    const promised = truth.promisesOf(id, version)
    const receipt = await write({
      ...sent,
      what: `${isOther ? 'other' : 'again'} ${what}`,
      ...(isOther && { send: sent.sendOther }),
    })
    if (receipt === undefined || (receipt.outcome === 'replayed' && receipt.id === id && !isOther)) return
    suspect(`I3: ${truth.nameOf(id)} v${version}: ${receipt.outcome} again under the same key`, promised)
  }
  const read = async (id: string) => {
    const known = truth.acknowledgedOf(id)
    const promised = truth.promisesOf(id, known)
    let served: Api | undefined
    try {
      const { version, source } = await request((api) => {
        served = api
        return (api.reader as NonNullable<typeof api.reader>).read(id, name)
      })
      trace(() => `${name}: get ${truth.nameOf(id)}: v${version.version} ${source}`)
      tags.set(id, etagOf(version))
      // Until a process has looked, what another Redis has in place of the one it knew passes for true.
      const isUnaware = source === 'HIT' && (served?.lookedAt ?? 0) <= truth.takenOverAt
      if (source !== 'BYPASS' && !isUnaware && version.version < known)
        suspect(`I6: ${truth.nameOf(id)} was read at v${version.version} after v${known} was accepted`, promised)
    } catch (thrown) {
      trace(() => `${name}: get ${truth.nameOf(id)}: ${text(thrown)}`)
      if (thrown instanceof NotFound) checkGone(id, known, promised, served)
      else if (!(thrown instanceof Unavailable) && !(thrown instanceof NoAnswer)) throw thrown
    }
  }
  const checkGone = (id: string, known: number, promised: string[], served: Api | undefined) => {
    if ([...truth.known.values()].some((version) => version.id === id && version.deleted)) return
    if (known > 0) suspect(`I6: ${truth.nameOf(id)} was not found after v${known} was accepted`, promised)
    else if (served !== undefined && truth.bypassers.get(id) === served.process)
      suspect(`I6: ${truth.nameOf(id)} was not found where it was accepted`, truth.promisesOf(id, 1))
  }

  return async (operations: number): Promise<void> => {
    if (world.plan.isTargeted) await sleep(opensAt_ms)
    for (; count < operations; count += 1) {
      await sleep(random.float() * (random.chance(0.5) ? 5 : habits.pause_ms))
      let id = records[records.length - 1 - random.below(Math.min(records.length, recent))]
      const sent = sentBefore[random.below(sentBefore.length)]
      if (id === undefined || (records.length < habits.recordsMax && random.chance(habits.creates))) id = await create()
      else if (sent !== undefined && random.chance(habits.again)) await again(sent)
      else if (random.chance(habits.reads)) await read(id)
      else if (random.chance(0.08)) await remove(id)
      else await change(id)
      if (id !== undefined && random.chance(habits.reads)) await read(id)
    }
  }
}

const keyed = (key: string | undefined) => (key === undefined ? '' : ` key ${key}`)
