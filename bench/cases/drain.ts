import { floorNames } from '../stores.ts'
import type { Case, Row } from './case.ts'
import { drained } from './draining.ts'

const nothing = async () => undefined
const product = (
  name: string,
  title: string,
  { search, singly = false }: { search: boolean; singly?: boolean },
): Row => ({
  id: `drain/${name}`,
  title,
  kind: 'product',
  ...(singly ? { long: true } : {}),
  async open(stage) {
    const start = () => stage.service('worker', { search })
    const measure = (count: number) =>
      drained(stage, { service: 'worker', count, namespace: '', start, indexed: search, singly })
    // A search engine compiles itself under its first load: ten times what it costs later.
    if (search) await measure(stage.settings.drained / 4)
    return { measure: () => measure(stage.settings.drained), close: nothing }
  },
})
/** `queued`: it takes from a queue of ours; the others have queues of their own, which they fill themselves. */
const beside = (
  name: string,
  title: string,
  kind: Row['kind'],
  count: 'drained' | 'drained_singly' | 'drained_by_others',
  queued = true,
): Row => ({
  id: `drain/${name}`,
  title,
  kind,
  open: async (stage) => ({
    measure: () =>
      drained(stage, {
        service: 'floor',
        count: stage.settings[count],
        namespace: queued ? floorNames.namespace : undefined,
        start: () => stage.floor(`drain/${name}`, stage.settings[count]),
      }),
    close: nothing,
  }),
})

/** Queued orders taken to Postgres, from the moment a tenth of them is there. */
export const drain: Case = {
  name: 'drain',
  title: 'Drain of queued orders to Postgres',
  servers: ['postgres', 'redis', 'rabbitmq', 'elasticsearch'],
  rounds: ({ drain_rounds }) => drain_rounds,
  rows: [
    beside('floor', 'floor: raw consumer, one jsonb upsert a batch', 'floor', 'drained'),
    product('ordermill', 'Ordermill, search off, bundles of 16 as at full load', { search: false }),
    product('singly', 'Ordermill, search off, each order a message of its own', { search: false, singly: true }),
    product('searching', 'Ordermill, search on', { search: true }),
    beside('one-by-one', 'one INSERT and one index call each', 'alternative', 'drained_singly'),
    beside('bullmq', 'BullMQ worker, one INSERT each, 100 at once', 'alternative', 'drained_by_others', false),
    beside('pg-boss', 'pg-boss, fetched and upserted 500 at a time', 'alternative', 'drained_by_others', false),
  ],
}
