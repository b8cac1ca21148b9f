import { NotFound, Refused, Unavailable } from '@ordermill/model'
import type { Caller } from '../../services/api/accepting.ts'
import { etagOf } from '../../services/api/preconditions.ts'
import type { Receipt } from '../../services/api/writer.ts'
import type { Api } from './api.ts'
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

/** A request got no answer: the process is gone, or too slow. */
class NoAnswer extends Error {}

/** Starts some clients that share a few records. */
export function startClients({ world, apis, failed }: ClientParts): Clients {
  const { random } = world
  const records: string[] = []
  let open = 2 + random.below(3)
  const recordsMax = 2 + random.below(5)
  for (let n = open; n > 0; n -= 1) {
    const client = createClient(world, apis, { records, recordsMax }, `c${n}`)
    void client(3 + random.below(10)).then(
      () => {
        open -= 1
      },
      (error: unknown) => failed(error),
    )
  }
  return { done: () => open === 0 }
}

function createClient(
  world: World,
  apis: () => Api[],
  shared: { records: string[]; recordsMax: number },
  name: string,
) {
  const { scheduler, random, truth, trace } = world
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
  const reference = () => (random.chance(world.badChance) ? badReference : `${name}-${count}`)
  const caller = (key?: string): Caller => ({
    correlationId: `${name}-${count}`,
    traceparent: undefined,
    key,
    replyTo: undefined,
  })
  const text = (thrown: unknown) =>
    thrown instanceof Error ? ('code' in thrown ? String(thrown.code) : thrown.constructor.name) : String(thrown)

  /** A write: with a key it is repeated until it is answered, without one nobody knows. */
  const write = async (what: string, key: string | undefined, send: (api: Required<Api>) => Promise<Receipt>) => {
    for (let tries = 0; tries < 12; tries += 1) {
      try {
        const receipt = await request(send)
        trace(
          () =>
            `${name}: ${what}${key === undefined ? '' : ` key ${key}`}: ${truth.nameOf(receipt.id)} v${receipt.version} ${receipt.outcome}`,
        )
        if (receipt.outcome !== 'unchanged' && !isBypassed(receipt)) truth.acknowledged(receipt.id, receipt.version)
        return receipt
      } catch (thrown) {
        trace(() => `${name}: ${what}${key === undefined ? '' : ` key ${key}`}: ${text(thrown)}`)
        if (thrown instanceof Refused) return undefined
        if (!(thrown instanceof Unavailable) && !(thrown instanceof NoAnswer)) throw thrown
        if (key === undefined) return undefined
        await sleep(random.between(10, 600))
      }
    }
    return undefined
  }
  const create = async () => {
    const key = random.chance(0.6) ? `${name}-${count}` : undefined
    const body = { product_name: `${name} ${count}`, amount: 1 + random.below(99), reference: reference() }
    const receipt = await write('create', key, ({ writer }) =>
      (writer as NonNullable<typeof writer>).create(body, caller(key)),
    )
    if (receipt !== undefined && !shared.records.includes(receipt.id)) shared.records.push(receipt.id)
  }
  const change = async (id: string) => {
    const key = random.chance(0.3) ? `${name}-${count}` : undefined
    const ifMatch = random.chance(0.3) ? tags.get(id) : undefined
    const body = { quantity: 1 + random.below(1e6), reference: reference() }
    await write(`patch ${truth.nameOf(id)}`, key, ({ writer }) =>
      (writer as NonNullable<typeof writer>).update(id, body, caller(key), ifMatch),
    )
  }
  const remove = (id: string) =>
    write(`delete ${truth.nameOf(id)}`, undefined, ({ writer }) =>
      (writer as NonNullable<typeof writer>).remove(id, caller(), undefined),
    )
  const read = async (id: string) => {
    const known = truth.acknowledgedOf(id)
    try {
      const { version, source } = await request(({ reader }) => (reader as NonNullable<typeof reader>).read(id, name))
      trace(() => `${name}: get ${truth.nameOf(id)}: v${version.version} ${source}`)
      tags.set(id, etagOf(version))
      if (source !== 'BYPASS' && version.version < known)
        world.suspicions.push({
          id,
          what: `I6: ${truth.nameOf(id)} was read at v${version.version} after v${known} was accepted`,
        })
    } catch (thrown) {
      trace(() => `${name}: get ${truth.nameOf(id)}: ${text(thrown)}`)
      if (thrown instanceof NotFound) checkGone(id, known)
      else if (!(thrown instanceof Unavailable) && !(thrown instanceof NoAnswer)) throw thrown
    }
  }
  const checkGone = (id: string, known: number) => {
    const deleted = [...truth.known.values()].some((version) => version.id === id && version.deleted)
    if (known > 0 && !deleted)
      world.suspicions.push({ id, what: `I6: ${truth.nameOf(id)} was not found after v${known} was accepted` })
  }

  return async (operations: number): Promise<void> => {
    for (; count < operations; count += 1) {
      await sleep(random.chance(0.5) ? random.float() * 5 : random.float() * 600)
      const { records, recordsMax } = shared
      const id = records[random.below(records.length)]
      if (id === undefined || (records.length < recordsMax && random.chance(0.3))) await create()
      else if (random.chance(0.3)) await read(id)
      else if (random.chance(0.08)) await remove(id)
      else await change(id)
      if (id !== undefined && random.chance(0.3)) await read(id)
    }
  }
}

const isBypassed = ({ outcome }: { outcome: string }) => outcome === 'bypassed'
