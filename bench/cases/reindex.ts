import { setTimeout as sleep } from 'node:timers/promises'
import { createDatabase, indexLag, textsAlias } from '@ordermill/database'
import { orders } from '@ordermill/model'
import { fillTable } from '../fill.ts'
import type { Sample } from '../results.ts'
import type { Stage } from '../stage.ts'
import type { Case } from './case.ts'

/** Longest that one measurement may take. */
const patience_ms = 10 * 60_000

/** What the API tells of the indices and of the job. */
interface Told {
  indices: { role: string; change_seq: number }[]
  job: { state: string; error?: string } | null
}

/** Builds the index anew beside the one that serves: how fast it is fed, how fast it is held against Postgres, how long all of it takes. */
async function measured(stage: Stage): Promise<Sample> {
  const count = stage.settings.followed
  await stage.stores.clear()
  await fillTable(stage.stores.dsn, count)
  const [api, worker] = await Promise.all([stage.service('api'), stage.service('worker')])
  const end = performance.now() + patience_ms
  const goOn = () => {
    stage.signal.throwIfAborted()
    if (performance.now() > end)
      throw new Error(`${count} orders are not reindexed within ${patience_ms / 60_000} minutes`)
  }
  const job = async (init?: RequestInit): Promise<Told> => {
    const answer = await fetch(`${api.url}/api/admin/reindex`, init)
    if (!answer.ok) throw new Error(`reindexing is answered ${answer.status}: ${await answer.text()}`)
    return (await answer.json()) as Told
  }
  const until = async <T>(found: (told: Told) => T | undefined): Promise<T> => {
    for (;;) {
      goOn()
      const told = await job()
      if (told.job?.state === 'FAILED') throw new Error(told.job.error)
      const value = found(told)
      if (value !== undefined) return value
      await sleep(20)
    }
  }
  const followed = (role: string) => (told: Told) =>
    told.indices.some((one) => one.role === role && one.change_seq >= count) ? performance.now() : undefined
  const database = createDatabase({
    dsn: stage.stores.dsn,
    name: 'bench',
    poolMax: 1,
    timeout_ms: 10_000,
    onLost: () => undefined,
  })
  try {
    await until(followed('serving'))
    for (; (await indexLag(database, orders.name, textsAlias(orders))).changes > 0; goOn()) await sleep(100) // the other engine's texts
    const meter = stage.meter({ api, worker })
    const started = performance.now()
    await job({ method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' })
    const fed = await until(followed('building'))
    const used = meter.stop(count)
    const ended = await until((told) => (told.job?.state === 'COMPLETED' ? performance.now() : undefined))
    const per_second = (from: number, to: number) => count / ((to - from) / 1_000)
    return {
      rate: per_second(started, fed),
      verified_rate: per_second(fed, ended),
      reindex_s: (ended - started) / 1_000,
      ...used,
    }
  } finally {
    await Promise.all([api.stop(), worker.stop(), database.stop()])
  }
}

/** The index of as many orders as the settings say, built anew while nothing else is done. */
export const reindex: Case = {
  name: 'reindex',
  title: 'A new index beside the one that serves',
  servers: ['postgres', 'redis', 'rabbitmq', 'elasticsearch'],
  long: true,
  rounds: ({ drain_rounds }) => drain_rounds,
  rows: [
    {
      id: 'reindex/ordermill',
      title: 'Ordermill, fed from Postgres, then held against it',
      kind: 'product',
      open: async (stage) => ({ measure: () => measured(stage), close: async () => undefined }),
    },
  ],
}
