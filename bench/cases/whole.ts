import { cpus } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { fillTable } from '../fill.ts'
import { figure, type RowResult } from '../results.ts'
import { summary } from '../statistics.ts'
import type { Case, Row } from './case.ts'
import { sustained } from './sustained.ts'

const index: Row = {
  id: 'whole/index',
  title: 'floor: table to index, pages of 1,000, one bulk each',
  kind: 'floor',
  open: async (stage) => ({
    async measure() {
      await stage.stores.clear()
      const count = stage.settings.drained
      await fillTable(stage.stores.dsn, count)
      const running = await stage.floor('whole/index')
      try {
        const meter = stage.meter({ floor: running })
        const from = performance.now()
        while ((await stage.stores.progress()).indexed < count) {
          stage.signal.throwIfAborted()
          await sleep(10)
        }
        return { rate: count / ((performance.now() - from) / 1_000), ...meter.stop(count) }
      } finally {
        await running.stop()
      }
    },
    close: async () => undefined,
  }),
}

const ordermill: Row = {
  id: 'whole/ordermill',
  title: 'Ordermill, accepted to searchable',
  kind: 'product',
  open: async (stage) => ({
    // Started here, not before: their follower would index what the floor is measured with.
    async measure() {
      await stage.stores.clear()
      const [api, worker] = await Promise.all([stage.service('api'), stage.service('worker')])
      try {
        return await sustained(stage, api, worker)
      } finally {
        await Promise.all([api.stop(), worker.stop()])
      }
    },
    close: async () => undefined,
  }),
}

/** The parts of the way: what any system needs that promises the same. Each has its servers and its share of the load generator. */
const parts = ['accept/floor', 'drain/floor', 'whole/index']

/** The rate at which the cores would be busy with nothing but the floors. */
function ceiling(rows: RowResult[]): RowResult[] {
  const costs = parts.map((id) => figure(rows, id, 'cpu.sum'))
  if (costs.some((cost) => cost === undefined)) return []
  const seconds = costs.reduce((sum, cost) => sum + (cost?.median ?? 0), 0)
  const rate = (cpus().length / seconds) * 1_000
  const spread = Math.hypot(...costs.map((cost) => (cost?.spread ?? 0) * ((cost?.median ?? 0) / seconds)))
  const metrics = { rate: { ...summary([rate]), spread }, 'cpu.sum': summary([seconds]) }
  return [{ id: 'whole/ceiling', title: 'ceiling: all cores ÷ CPU of the floors', kind: 'limit', metrics }]
}

/** Orders a second that go the whole way while nothing piles up anywhere. */
export const whole: Case = {
  name: 'whole',
  title: 'The whole way with search, at the highest rate at which nothing piles up',
  servers: ['postgres', 'redis', 'rabbitmq', 'elasticsearch'],
  needs: ['accept/floor', 'drain/floor', 'drain/one-by-one'],
  rounds: () => 1,
  rows: [index, ordermill],
  derive: ceiling,
}
