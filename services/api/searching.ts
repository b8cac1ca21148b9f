import { type Database, searchRecords } from '@ordermill/database'
import { type Collection, type Condition, type Found, type Query, toError } from '@ordermill/model'
import type { Searcher } from '@ordermill/search'
import type { ApiMetrics, Logger } from '@ordermill/telemetry'
import { createBreaker } from './breaker.ts'
import type { Lag, LagNow } from './lag.ts'
import { sparingly } from './sparingly.ts'

export type Engine = 'elasticsearch' | 'postgres'
/** What was found, by whom, and how far behind they are; that is unknown while Postgres is away. */
export interface Answered extends Found {
  engine: Engine
  lag: LagNow | undefined
}

/** Asks the search engine, and Postgres when that is away, too slow or not there. */
export type Search = (query: Query, correlationId: string) => Promise<Answered>

interface SearchParts {
  collection: Collection
  database: Database
  searcher: Searcher | undefined
  lags: Record<Engine, Lag>
  timeout_ms: number
  metrics: ApiMetrics
  log: Logger
}

const upToDate: LagNow = { changes: 0, seconds: 0 }
/** While the engine is away every search fails over alike: one line in this time says it. */
const logEvery_ms = 10_000

export function createSearch({ collection, database, searcher, lags, timeout_ms, metrics, log }: SearchParts): Search {
  const breaker = createBreaker()
  const unsaid = sparingly(logEvery_ms)
  const timed = async (engine: Engine, ask: () => Promise<Found>): Promise<Found> => {
    const started = performance.now()
    let outcome = 'failed'
    try {
      const found = await ask()
      outcome = 'ok'
      return found
    } finally {
      metrics.search.observe({ engine, outcome }, (performance.now() - started) / 1_000)
    }
  }
  const lagOf = (engine: Engine) => lags[engine]().catch(() => undefined)

  return async (query, correlationId) => {
    if (searcher !== undefined && breaker.admits()) {
      try {
        const found = await timed('elasticsearch', () => searcher.query(query, correlationId))
        breaker.tell('ok')
        return { ...found, engine: 'elasticsearch', lag: await lagOf('elasticsearch') }
      } catch (thrown) {
        breaker.tell('failed')
        const left_out = unsaid('away')
        if (left_out !== undefined)
          log.warn({ err: toError(thrown), left_out, correlation_id: correlationId }, 'Postgres answers searches')
      }
    }
    const ask = () => searchRecords(database, collection, query, { timeout_ms, correlationId })
    const found = await timed('postgres', ask)
    // Only texts are kept beside the table; everything else is as new as it.
    return { ...found, engine: 'postgres', lag: asksTexts(query.where) ? await lagOf('postgres') : upToDate }
  }
}

function asksTexts(condition: Condition): boolean {
  if (condition.kind === 'all' || condition.kind === 'any') return condition.of.some(asksTexts)
  return condition.kind === 'not' ? asksTexts(condition.of) : condition.kind === 'text'
}
