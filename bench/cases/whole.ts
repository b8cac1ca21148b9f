import { cpus } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { fillTable } from '../fill.ts'
import { figure, type RowResult } from '../results.ts'
import type { Running, Stage } from '../stage.ts'
import { summary } from '../statistics.ts'
import type { Case, Row } from './case.ts'
import { sustained } from './sustained.ts'

/** A table that is taken to the index by whoever is started; it is ready before it begins. */
const followed = (
  of: { id: string; title: string; kind: Row['kind'] },
  service: 'floor' | 'worker',
  start: (stage: Stage) => Promise<Running>,
): Row => ({
  ...of,
  open: async (stage) => ({
    async measure() {
      await stage.stores.clear()
      const count = stage.settings.followed
      await fillTable(stage.stores.dsn, count)
      const running = await start(stage)
      try {
        const meter = stage.meter({ [service]: running })
        const { indexed: before } = await stage.stores.progress()
        const from = performance.now()
        while ((await stage.stores.progress()).indexed < count) {
          stage.signal.throwIfAborted()
          await sleep(10)
        }
        const measured = count - before
        const rate = measured / ((performance.now() - from) / 1_000)
        const used = meter.stop(measured)
        return measured === 0 ? {} : { rate, ...used } // so few that all were there before the service said that it is ready
      } finally {
        await running.stop()
      }
    },
    close: async () => undefined,
  }),
})
const index = followed(
  { id: 'whole/index', title: 'floor: table to index, pages of 1,000, one bulk each', kind: 'floor' },
  'floor',
  (stage) => stage.floor('whole/index'),
)
const catchUp = followed(
  { id: 'whole/catch-up', title: 'Ordermill, followers catching up with a table', kind: 'product' },
  'worker',
  (stage) => stage.service('worker'),
)

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
  rows: [index, catchUp, ordermill],
  derive: ceiling,
}
