import { type CacheClient, createBarriers, createRecordCache, type Moment } from '@ordermill/cache'
import {
  firstVersion,
  nextVersion,
  orders,
  Refused,
  type StoredRecord,
  Unavailable,
  type Version,
} from '@ordermill/model'
import { createRandom } from './random.ts'

/** What one key holds, whatever the clock says: members in order of their names, and minutes to live, rounded up. */
export type Held = [key: string, value: unknown, ttl_minutes: number]

/** Random steps on a cache, the same for the same seed; gives every answer. To be taken on a real Redis and on one in memory. */
export async function takeSteps(
  client: CacheClient,
  namespace: string,
  seed: number,
  steps: number,
): Promise<unknown[]> {
  const random = createRandom(seed)
  const collection = 'orders'
  const cache = createRecordCache({ client, collection, namespace, dirtyLimit: 64 * 6 })
  const barriers = createBarriers({ client, collection, namespace })
  const versions = family(4)
  const pick = () => random.pick(versions as [Version, ...Version[]])
  const moments = new Map<string, Moment[]>()
  const some = () => Array.from({ length: 1 + random.below(3) }, pick)
  const rebuild = (): [string, () => Promise<unknown>] => {
    const version = pick()
    const base = versions.find(({ hash }) => hash === version.parent)
    return ['accept', async () => ({ ...(await cache.accept(version, base)), epoch: undefined })]
  }
  const step = (): [string, () => Promise<unknown>] => {
    const [one, many] = [pick(), some()]
    return random.pick<[string, () => Promise<unknown>]>([
      rebuild(),
      rebuild(),
      rebuild(),
      ['markSent', () => cache.markSent(many)],
      ['settle', () => cache.settle(many)],
      ['park', () => cache.park(many)],
      ['discard', () => cache.discard(one)],
      ['read', () => cache.read(one.id)],
      ['readMany', () => cache.readMany(many.map(({ id }) => id))],
      [
        'ask',
        async () => {
          const moment = await cache.moment(one.id)
          moments.set(one.id, [...(moments.get(one.id) ?? []), moment])
          return moment.caughtUp
        },
      ],
      [
        'fill',
        async () => {
          const moment = random.pick([await cache.moment(one.id), ...(moments.get(one.id) ?? [])])
          return await cache.fill(one.id, random.chance(0.2) ? undefined : one, moment)
        },
      ],
      ['readVersion', () => cache.readVersion(one)],
      ['dirty', async () => ({ ...(await cache.dirty()), oldest_ms: 0 })],
      [
        'marks',
        async () =>
          (await cache.marksOlderThan(random.chance(0.5) ? 'unsent' : 'sent', 0, 500))
            .map(({ id, version }) => `${id}:${version}`)
            .sort(),
      ],
      ['leave', async () => random.chance(0.3) && cache.bypassed()],
      ['pass', async () => barriers.pass(await cache.checkEpoch())],
      ['behind', async () => (await barriers.behind()) !== undefined],
      ['accepted', async () => (await cache.period()).accepted],
    ])
  }
  const answers: unknown[] = []
  for (let n = 0; n < steps; n += 1) {
    const [name, take] = step()
    answers.push([name, withoutEpoch(await take().catch(failureOf))])
  }
  return answers
}

const failureOf = (thrown: unknown) => {
  if (thrown instanceof Unavailable || thrown instanceof Refused) return { failed: thrown.code }
  throw thrown
}

/** Versions of a few records, forks among them; the same each time. */
function family(records: number): Version[] {
  const now = '2026-01-01T00:00:00.000Z'
  const change = (base: Version, quantity: number) => {
    const record = JSON.parse(base.text) as StoredRecord
    const next = nextVersion(
      orders,
      { ...base, record },
      { content: { ...record, quantity } as never, status: undefined, now },
    )
    return next ?? base
  }
  return Array.from({ length: records }, (_, at) => {
    const content = {
      product_name: 'x',
      quantity: 1,
      amount: 1,
      currency: 'USD',
      customer_id: null,
      reference: null,
      placed_at: now,
    }
    // Two records to a bucket: they meet in the same sets.
    const id = `00000000-0000-7000-8000-0000000000${String(at % 2).padStart(1, '0')}${at}`
    const first = firstVersion(orders, { id, content, now })
    const [second, fork] = [change(first, 2), change(first, 3)]
    return [first, second, fork, change(second, 4), change(fork, 5)]
  }).flat()
}

/** Epochs are made of clocks and chance: one is as good as another. */
export const withoutEpoch = (value: unknown): unknown =>
  JSON.parse((JSON.stringify(value) ?? 'null').replaceAll(/[0-9a-z]{9}-[0-9a-z]{4}(?![0-9a-z-])/g, 'EPOCH'))

/** A value without what chance made: the name of the process, and the tokens. */
export const plainText = (key: string, value: string, runId: string): string =>
  key.endsWith(':asked') ? 'TOKEN' : value.replace(runId, 'RUN')
