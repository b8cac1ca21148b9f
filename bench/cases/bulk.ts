import { orderBodies } from '../orders.ts'
import type { Running, Stage } from '../stage.ts'
import type { Case, Row } from './case.ts'

const connections = 8
/** Different bodies of a size; they are sent in turn. */
const bodiesMax = 20

function bulksOf(size: number) {
  const orders = orderBodies()
  return Array.from({ length: Math.max(2, Math.min(bodiesMax, Math.ceil(2_000 / size))) }, (_, turn) => {
    const members = Array.from({ length: size }, (_, at) => orders[(turn * size + at) % orders.length])
    return { path: '/api/bulk-orders', body: `{"orders":[${members.join()}]}` }
  })
}

async function answered(stage: Stage, size: number, measured: Record<'api' | 'worker', Running>) {
  const { warmup_seconds, seconds } = stage.settings
  const requests = { kind: 'plain' as const, requests: bulksOf(size) }
  const load = { kind: 'closed' as const, url: measured.api.url, requests, connections }
  await stage.load({ ...load, seconds: warmup_seconds })
  const meter = stage.meter(measured)
  const { count, failed, seconds: took, latency } = await stage.load({ ...load, seconds: Math.max(1, seconds) })
  const used = meter.stop(count * size)
  return { rate: (count * size) / took, p50_ms: latency.p50, p99_ms: latency.p99, failed, ...used }
}

const row = (size: number): Row => ({
  id: `bulk/${size}`,
  title: size === 1 ? 'Ordermill, bulks of one' : `Ordermill, bulks of ${size.toLocaleString('en')}`,
  kind: 'product',
  open: async (stage) => ({
    // Started here: of several workers one alone takes bulks, and it is that one which is to be measured.
    async measure() {
      await stage.stores.clear()
      const [api, worker] = await Promise.all([
        stage.service('api', { search: false }),
        stage.service('worker', { search: false }),
      ])
      try {
        return await answered(stage, size, { api, worker })
      } finally {
        await Promise.all([api.stop(), worker.stop()])
      }
    },
    close: async () => undefined,
  }),
})

/** Orders a second that come in bulks: each is answered once all of it is in Postgres. */
export const bulk: Case = {
  name: 'bulk',
  title: `Bulks, ${connections} connections, answered when they are committed; figures count orders, times are those of a bulk`,
  servers: ['postgres', 'redis', 'rabbitmq'],
  long: true,
  rounds: ({ drain_rounds }) => drain_rounds,
  rows: [1, 10, 100, 1_000].map(row),
}
