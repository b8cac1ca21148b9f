import { setTimeout as sleep } from 'node:timers/promises'
import { fillTable } from './fill.ts'
import type { Stage } from './stage.ts'

/**
 * Has a worker run until the cache trusts Postgres: until then keyed orders are refused, and nothing that is read is kept. Once for all
 * cases, as it is once in the life of a Redis.
 */
export async function catchUp(stage: Stage): Promise<void> {
  const [api, worker] = await Promise.all([
    stage.service('api', { search: false }),
    stage.service('worker', { search: false }),
  ])
  try {
    const [id = ''] = await fillTable(stage.stores.dsn, 1)
    for (let source: string | null = null; source !== 'HIT'; ) {
      stage.signal.throwIfAborted()
      const answer = await fetch(`${api.url}/api/orders/${id}`)
      await answer.arrayBuffer()
      source = answer.headers.get('x-cache')
      if (source !== 'HIT') await sleep(50)
    }
  } finally {
    await Promise.all([api.stop(), worker.stop()])
    await stage.stores.clear()
  }
}
