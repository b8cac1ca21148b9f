import pg from 'pg'

/** Tells which of some orders have arrived where. */
export interface OrderCounts {
  /** Those of `ids` that Postgres holds. */
  persisted(ids: string[]): Promise<string[]>
  /** Those of `ids` that a search can find. */
  indexed(ids: string[]): Promise<string[]>
  close(): Promise<void>
}

/** Asks the stores themselves: rows in Postgres, documents behind the search alias. */
export function countsInStores(env: Record<string, string | undefined>): OrderCounts {
  const pool = new pg.Pool({ connectionString: env.POSTGRES_DSN, max: 2 })
  pool.on('error', () => undefined)
  return {
    async persisted(ids) {
      const { rows } = await pool.query<{ id: string }>('select id from orders where id = any($1)', [ids])
      return rows.map(({ id }) => id)
    },
    async indexed(ids) {
      const answer = await fetch(`${env.ELASTICSEARCH_URL}/orders/_search?filter_path=hits.hits._id`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ size: ids.length, _source: false, query: { ids: { values: ids } } }),
        signal: AbortSignal.timeout(10_000),
      })
      if (!answer.ok) throw new Error(`Elasticsearch answers ${answer.status}`)
      const { hits } = (await answer.json()) as { hits?: { hits?: { _id: string }[] } }
      return (hits?.hits ?? []).map(({ _id }) => _id)
    },
    close: () => pool.end(),
  }
}

/** Counts how many of `ids` have arrived, asking only for those that had not. */
export class Arrivals {
  readonly total: number
  #missing: string[]
  readonly #ask: (ids: string[]) => Promise<string[]>

  constructor(ids: string[], ask: (ids: string[]) => Promise<string[]>) {
    this.total = new Set(ids).size
    this.#missing = [...new Set(ids)]
    this.#ask = ask
  }

  /** How many are there. */
  get arrived(): number {
    return this.total - this.#missing.length
  }

  get complete(): boolean {
    return this.#missing.length === 0
  }

  /** Asks again for the missing ones, a thousand at a time. A store that does not answer now is asked the next time. */
  async refresh(): Promise<void> {
    const left: string[] = []
    for (let at = 0; at < this.#missing.length; at += 1000) {
      const page = this.#missing.slice(at, at + 1000)
      const found = new Set(await this.#ask(page).catch(() => []))
      left.push(...page.filter((id) => !found.has(id)))
    }
    this.#missing = left
  }
}
