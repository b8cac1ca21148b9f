import { asksTexts, type Database, searchRecords } from '@ordermill/database'
import {
  type Breaker,
  type Collection,
  createBreaker,
  type Found,
  Invalid,
  type Query,
  toError,
  Unavailable,
} from '@ordermill/model'
import { type Searcher, SnapshotGone } from '@ordermill/search'
import type { ApiMetrics, Logger } from '@ordermill/telemetry'
import type { Lag, LagNow } from './lag.ts'
import { shapeOf } from './query-shape.ts'
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
  /** Further behind than this, in seconds, the search engine is asked only if Postgres is no better. */
  lagMax_s: number
  timeout_ms: number
  /** Above this, in milliseconds, a search is logged as slow; 0: none is. */
  slow_ms: number
  /** Stands before the search engine. */
  breaker: Breaker
  metrics: Pick<ApiMetrics, 'search' | 'fallbacks'>
  log: Logger
}

/** Stands before the search engine: after three failures in a row nobody asks it for five seconds. */
export const createSearchBreaker = (): Breaker =>
  createBreaker({ failuresMax: 3, rest_ms: () => 5_000, now: () => performance.now() })

const upToDate: LagNow = { changes: 0, seconds: 0 }
/** While the engine is away every search fails over alike: one line in this time says it. */
const logEvery_ms = 10_000
/** Of slow searches one line in this time and for each engine says it: where all are slow, the log is not to be the reason. */
const logSlowEvery_ms = 1_000

export function createSearch(parts: SearchParts): Search {
  const { collection, database, searcher, lags, lagMax_s, timeout_ms, breaker, metrics, log } = parts
  const unsaid = sparingly(logEvery_ms)
  const unsaidSlow = sparingly(logSlowEvery_ms)
  const timed = async (
    engine: Engine,
    { query, correlationId }: { query: Query; correlationId: string },
    ask: () => Promise<Found>,
  ): Promise<Found> => {
    const started = performance.now()
    let outcome = 'failed'
    let total: Found['total'] | undefined
    try {
      const found = await ask()
      outcome = 'ok'
      total = found.total
      return found
    } finally {
      const duration_ms = performance.now() - started
      metrics.search.observe({ engine, outcome }, duration_ms / 1_000)
      const left_out = parts.slow_ms > 0 && duration_ms > parts.slow_ms ? unsaidSlow(engine) : undefined
      if (left_out !== undefined) {
        const told = { engine, outcome, duration_ms: Math.round(duration_ms), shape: shapeOf(query), total, left_out }
        log.warn({ ...told, correlation_id: correlationId }, 'slow search')
      }
    }
  }
  const lagOf = (engine: Engine) => lags[engine]().catch(() => undefined)

  /** Who is further behind than allowed: an index that is being filled, or fed again after an upgrade, finds a part of the records. */
  const whoLags = async (query: Query) => {
    const [elasticsearch, postgres] = await Promise.all([lagOf('elasticsearch'), lagOf('postgres')])
    // What asks for no text can be read from the records themselves.
    const newest = !asksTexts(query.where) && (postgres?.seconds ?? 0) > lagMax_s
    const ofPostgres = newest ? upToDate : postgres
    const isBehind = (elasticsearch?.seconds ?? 0) > lagMax_s
    return {
      newest,
      ofPostgres,
      postgresKnowsMore: isBehind && ofPostgres !== undefined && ofPostgres.seconds < (elasticsearch?.seconds ?? 0),
    }
  }

  return async (query, correlationId, { engine, snapshot, steady = false } = {}) => {
    const isItsRanking = engine === 'elasticsearch' && query.sort.length === 0
    const { newest, ofPostgres, postgresKnowsMore } = await whoLags(query)
    const asked = { query, correlationId }
    const isPreferred = engine !== 'postgres' && (isItsRanking || !postgresKnowsMore)
    const admitted = searcher !== undefined && isPreferred && breaker.admits()
    if (admitted) {
      try {
        const found: Found & { snapshot?: string } = await timed('elasticsearch', asked, () =>
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
    if (searcher !== undefined && engine !== 'postgres')
      metrics.fallbacks.inc({ reason: admitted ? 'failed' : isPreferred ? 'resting' : 'behind' })
    const ask = () => searchRecords(database, collection, query, { timeout_ms, correlationId, newest })
    return { ...(await timed('postgres', asked, ask)), engine: 'postgres', lag: ofPostgres }
  }
}

const lost = {
  pointer: '/cursor',
  code: 'cursor-lost',
  detail: 'is lost: the search engine no longer knows this ranking. Start over without cursor, or with order_by',
}
