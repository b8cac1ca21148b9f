import { delayOf } from '../metrics.ts'
import { figure } from '../results.ts'
import type { Case } from './case.ts'

/** Orders a second that are followed to both stores. */
const followed = 50

/** How long orders take at half of what the machine can do, from the moment a request was due. */
export const latency: Case = {
  name: 'latency',
  title: 'Latency at half load, from the intended send time',
  servers: ['postgres', 'redis', 'rabbitmq', 'elasticsearch'],
  needs: ['whole/ordermill'],
  rounds: () => 1,
  rows: [
    {
      id: 'latency/ordermill',
      title: 'Ordermill, at half the sustained rate',
      kind: 'product',
      async open(stage) {
        await stage.stores.clear()
        const [api, worker] = await Promise.all([stage.service('api'), stage.service('worker')])
        const rate = (figure(stage.rows, 'whole/ordermill', 'rate')?.median ?? 1_000) / 2
        const requests = { kind: 'orders', keyed: false } as const
        const load = { kind: 'constant', url: api.url, requests, rate } as const
        await stage.load({ ...load, seconds: stage.settings.warmup_seconds + 2 })
        return {
          async measure() {
            const { POSTGRES_DSN = '', ELASTICSEARCH_URL = '' } = stage.servers.env
            const late = await delayOf(api.url)
            const meter = stage.meter({ api, worker })
            const result = await stage.load({
              ...load,
              seconds: stage.settings.latency_seconds,
              arrivals: { dsn: POSTGRES_DSN, index: `${ELASTICSEARCH_URL}/orders`, per_second: followed },
            })
            const { count, failed, seconds, latency: accept, persisted, searchable } = result
            return {
              rate: count / seconds,
              failed,
              p50_ms: accept.p50,
              p99_ms: accept.p99,
              accept_p999_ms: accept.p999,
              ...(persisted && {
                persisted_p50_ms: persisted.p50,
                persisted_p99_ms: persisted.p99,
                persisted_p999_ms: persisted.p999,
              }),
              ...(searchable && {
                searchable_p50_ms: searchable.p50,
                searchable_p99_ms: searchable.p99,
                searchable_p999_ms: searchable.p999,
              }),
              ...meter.stop(count),
              ...(await late()),
            }
          },
          async close() {
            await Promise.all([api.stop(), worker.stop()])
          },
        }
      },
    },
  ],
}
