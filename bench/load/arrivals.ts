import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { type Latency, latencyOf } from '../statistics.ts'
import type { ArrivalWatch } from './jobs.ts'

export interface Arrivals {
  /** An order that was accepted, and when it was due. */
  follow(id: string, due: number): void
  /** Waits for those that are still on their way. */
  end(): Promise<{ persisted: Latency; searchable: Latency }>
}

/** How often the stores are asked: a latency is too high by half of this on average. */
const ask_ms = { persisted: 5, searchable: 25 }
/** Longest an order may take, after the load has ended. */
const patience_ms = 15_000

/** Asks Postgres and the search engine themselves when they have an order: what a reader of them would see. */
export function watchArrivals({ dsn, index }: ArrivalWatch): Arrivals {
  const pool = new pg.Pool({ connectionString: dsn, max: 1 })
  pool.on('error', () => undefined)
  let ending = Number.POSITIVE_INFINITY

  const one = (every_ms: number, ask: (ids: string[]) => Promise<string[]>) => {
    const missing = new Map<string, number>()
    const latencies: number[] = []
    const run = async () => {
      while (performance.now() < ending || (missing.size > 0 && performance.now() < ending + patience_ms)) {
        if (missing.size > 0)
          for (const id of await ask([...missing.keys()].slice(0, 1_000))) {
            latencies.push(performance.now() - (missing.get(id) ?? 0))
            missing.delete(id)
          }
        await sleep(every_ms)
      }
      // What never came would be left out of the quantiles: it counts with the time it was waited for.
      for (const due of missing.values()) latencies.push(performance.now() - due)
      return latencyOf(latencies)
    }
    return { missing, done: run() }
  }
  const persisted = one(ask_ms.persisted, async (ids) => {
    const text = 'SELECT id FROM orders WHERE id = ANY($1::uuid[])'
    const { rows } = await pool.query<{ id: string }>({ name: 'arrived', text, values: [ids] })
    return rows.map(({ id }) => id)
  })
  const searchable = one(ask_ms.searchable, async (ids) => {
    const answer = await fetch(`${index}/_search?filter_path=hits.hits._id`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ size: ids.length, _source: false, query: { ids: { values: ids } } }),
    })
    const { hits } = (await answer.json()) as { hits?: { hits?: { _id: string }[] } }
    return (hits?.hits ?? []).map(({ _id }) => _id)
  })
  for (const { done } of [persisted, searchable]) done.catch(() => undefined) // awaited at the end

  return {
    follow(id, due) {
      persisted.missing.set(id, due)
      searchable.missing.set(id, due)
    },
    async end() {
      ending = performance.now()
      const result = { persisted: await persisted.done, searchable: await searchable.done }
      await pool.end()
      return result
    },
  }
}
