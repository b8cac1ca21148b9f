import { type Database, searchRecords } from '@ordermill/database'
import {
  type Collection,
  type Condition,
  type Found,
  Invalid,
  type Query,
  toError,
  Unavailable,
} from '@ordermill/model'
import { type Searcher, SnapshotGone } from '@ordermill/search'
import type { ApiMetrics, Logger } from '@ordermill/telemetry'
import { createBreaker } from './breaker.ts'
import type { Lag, LagNow } from './lag.ts'
import { sparingly } from './sparingly.ts'

export type Engine = 'elasticsearch' | 'postgres'
/** What was found, by whom, and how far behind they are; that is unknown while Postgres is away. */
export interface Answered extends Found {
  engine: Engine
  lag: LagNow | undefined
  /** What the search engine read it from, if it was asked to. */
  snapshot?: string
}

/** What a search goes on from. */
export interface From {
  /** Who answered the page before: Postgres goes on by itself, and a ranking is nobody else's. */
  engine?: Engine | undefined
  snapshot?: string | undefined
  /** Whether the search engine is to read from a snapshot: that one, or a new one. */
  steady?: boolean
}

/**
 * Asks the search engine, and Postgres when that is away, too slow or not there.
 * @throws Unavailable | Invalid (`cursor-lost`) if what it goes on from is lost
 */
export type Search = (query: Query, correlationId: string, from?: From) => Promise<Answered>

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

  return async (query, correlationId, { engine, snapshot, steady = false } = {}) => {
    const isItsRanking = engine === 'elasticsearch' && query.sort.length === 0
    if (searcher !== undefined && engine !== 'postgres' && breaker.admits()) {
      try {
        const found: Found & { snapshot?: string } = await timed('elasticsearch', () =>
          steady ? searcher.queryIn(snapshot, query, correlationId) : searcher.query(query, correlationId),
        )
        breaker.tell('ok')
        return { ...found, engine: 'elasticsearch', lag: await lagOf('elasticsearch') }
      } catch (thrown) {
        const busy = thrown instanceof Unavailable && thrown.code === 'search-busy'
        breaker.tell(busy || thrown instanceof SnapshotGone ? 'ok' : 'failed')
        if (busy && isItsRanking) throw thrown
        const left_out = unsaid('away')
        if (left_out !== undefined)
          log.warn({ err: toError(thrown), left_out, correlation_id: correlationId }, 'Postgres answers searches')
      }
    }
    if (isItsRanking) throw new Invalid([lost])
    const ask = () => searchRecords(database, collection, query, { timeout_ms, correlationId })
    const found = await timed('postgres', ask)
    // Only texts are kept beside the table; everything else is as new as it.
    return { ...found, engine: 'postgres', lag: asksTexts(query.where) ? await lagOf('postgres') : upToDate }
  }
}

const lost = {
  pointer: '/cursor',
  code: 'cursor-lost',
  detail: 'is lost: the search engine no longer knows this ranking. Start over without cursor, or with order_by',
}

function asksTexts(condition: Condition): boolean {
  if (condition.kind === 'all' || condition.kind === 'any') return condition.of.some(asksTexts)
  return condition.kind === 'not' ? asksTexts(condition.of) : condition.kind === 'text'
}
