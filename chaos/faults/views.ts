import { until } from '../../servers/testing.ts'
import type { Scene } from '../scenarios/scenario.ts'
import { restartKilled } from './services.ts'

/** Workers that refresh the view every second. */
export const withRefreshes = { worker: { MV_REFRESH_SCHEDULE: '@every 1s' } }

/** Somebody holds the view against refreshes; readers are let through. */
export async function lockView(scene: Scene): Promise<void> {
  const client = await scene.stack.stores.pool.connect()
  try {
    await client.query(`BEGIN; COMMENT ON MATERIALIZED VIEW daily_sales_mv IS 'held'`)
    await untilRefreshWaits(scene)
    await scene.wait(scene.outage_s)
    await client.query('ROLLBACK')
  } finally {
    client.release(true)
  }
}

/** Workers are killed in the middle of a refresh, some times. */
export async function killInRefresh(scene: Scene): Promise<void> {
  const { stack } = scene
  for (let times = 0; times < 2; times += 1) {
    const client = await stack.stores.pool.connect()
    try {
      await client.query(`BEGIN; COMMENT ON MATERIALIZED VIEW daily_sales_mv IS 'held'`)
      await untilRefreshWaits(scene)
      for (const worker of stack.workers) await worker.process.kill('SIGKILL')
    } finally {
      client.release(true)
    }
    await restartKilled(scene)
  }
}

const untilRefreshWaits = ({ stack }: Scene) =>
  until('a refresh waits for the view', async () => {
    const { rowCount } = await stack.stores.pool.query(
      `SELECT FROM pg_stat_activity WHERE query LIKE 'REFRESH%' AND wait_event_type = 'Lock'`,
    )
    return (rowCount ?? 0) > 0
  })

/** Two workers refresh every second, and operators ask for more of it at the same time. */
export async function compete({ stack, outage_s, wait }: Scene): Promise<void> {
  const until_ms = performance.now() + outage_s * 1_000
  while (performance.now() < until_ms) {
    const asked = Array.from({ length: 4 }, () =>
      fetch(`${stack.apis[0]?.url}/api/admin/refresh`, { method: 'POST', signal: AbortSignal.timeout(10_000) }),
    )
    for (const answer of await Promise.all(asked)) {
      if (![200, 202, 409].includes(answer.status)) throw new Error(`a refresh is answered ${answer.status}`)
      await answer.body?.cancel()
    }
    await wait(0.2)
  }
}
