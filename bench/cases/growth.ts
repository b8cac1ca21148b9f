import { setTimeout as sleep } from 'node:timers/promises'
import { createDatabase, dailySales, refreshView } from '@ordermill/database'
import type { Requests } from '../load/jobs.ts'
import type { Sample } from '../results.ts'
import { fillSearched } from '../search-fill.ts'
import { searches } from '../searches.ts'
import type { Running, Stage } from '../stage.ts'
import type { Case, Row } from './case.ts'
import { drained } from './draining.ts'
import { requestOf } from './search.ts'

const connections = 4

type Size = 'small' | 'medium' | 'large'

/** Less than this part of a core is what servers do with nothing to do; so long it is waited for, in seconds. */
const idle_cores = 0.15
const quietMax_s = 60

/** Waits until the servers are through with what was written: merges and vacuums cost the same whatever is asked beside them. */
async function quiet(stage: Stage): Promise<void> {
  for (let second = 0; second < quietMax_s; second += 1) {
    const meter = stage.meter({})
    await sleep(1_000)
    const { 'cpu.sum': used = 0 } = meter.stop(1_000) // of a thousand in a second: cores
    stage.signal.throwIfAborted()
    if (used < idle_cores) return
  }
  stage.say(`  the servers are still busy after ${quietMax_s} s: what is asked costs more for that`)
}

/** Something of the API under load, and what it costs: median of the answers, CPU seconds per 1,000, all servers included. */
async function asked(stage: Stage, api: Running, what: string, requests: Requests, isCached = true): Promise<Sample> {
  const load = { kind: 'closed' as const, url: api.url, requests, connections }
  await stage.load({ ...load, seconds: stage.settings.warmup_seconds })
  await quiet(stage)
  if (!isCached) await stage.stores.forget()
  const meter = stage.meter({ api })
  const { count, failed, latency } = await stage.load({ ...load, seconds: Math.max(1, stage.settings.seconds) })
  if (failed > 0) throw new Error(`${failed} of ${failed + count} requests failed: ${what}`)
  return { [`${what}_p50_ms`]: latency.p50, [`${what}_cpu`]: meter.stop(count)['cpu.sum'] ?? Number.NaN }
}

/** What does not grow with a load: a read of a row that is not cached, wherever it is; the first page of a list; a refresh of the view. */
async function looked(stage: Stage, api: Running): Promise<Sample> {
  const { dsn } = stage.stores
  const database = createDatabase({ dsn, name: 'bench-look', poolMax: 1, timeout_ms: 600_000, onLost: () => undefined })
  try {
    const rows = await database.query<{ id: string }>({
      text: 'SELECT id FROM orders ORDER BY random() LIMIT $1',
      values: [stage.settings.missed],
    })
    const reads = rows.map(({ id }) => ({ path: `/api/orders/${id}` }))
    const { duration_ms } = await refreshView(database, dailySales, { force: true })
    return {
      ...(await asked(stage, api, 'read', { kind: 'plain', requests: reads }, false)),
      ...(await asked(stage, api, 'list', { kind: 'plain', requests: [{ path: '/api/orders?limit=50' }] })),
      refresh_ms: duration_ms,
    }
  } finally {
    await database.stop()
  }
}

const row = (size: Size, title: string): Row => ({
  id: `growth/${size}`,
  title: `Ordermill, ${title} orders there already`,
  kind: 'product',
  open: async (stage) => ({
    // One size grows out of the other: they are measured in this order, once each.
    async measure() {
      const { settings } = stage
      await fillSearched(stage, settings[size])
      const start = () => stage.service('worker')
      const came = await drained(stage, { service: 'worker', count: settings.added, namespace: '', start, onto: true })
      const api = await stage.service('api')
      try {
        const found = await asked(stage, api, 'search', { kind: 'plain', requests: searches.map(requestOf) })
        return { ...came, ...found, ...(await looked(stage, api)) }
      } finally {
        await api.stop()
      }
    },
    close: async () => undefined,
  }),
})

/** What an order, a read, a search cost where few orders are, and where many are. */
export const growth: Case = {
  name: 'growth',
  title: 'Growth: orders taken from the queue to search, on top of those that are there',
  servers: ['postgres', 'redis', 'rabbitmq', 'elasticsearch'],
  long: true,
  rounds: () => 1,
  rows: [row('small', 'few'), row('medium', 'ten times as many'), row('large', 'a hundred times as many')],
}
