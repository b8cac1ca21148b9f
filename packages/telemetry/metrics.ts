import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import { Histogram } from './histogram.ts'

/** Seconds: from half a millisecond to ten seconds. */
const fast = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
/** Seconds: from ten milliseconds to ten minutes. */
const slow = [0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 600]

/** A registry of its own, with the figures of the process. */
export function createRegistry(service: string): Registry {
  const registry = new Registry()
  registry.setDefaultLabels({ service })
  collectDefaultMetrics({ register: registry })
  // Gauges that are called totals; the same figures stand, by type, under the names without it.
  for (const kind of ['resources', 'handles', 'requests']) registry.removeSingleMetric(`nodejs_active_${kind}_total`)
  return registry
}

const histogram = (registry: Registry, name: string, help: string, labelNames: string[], buckets = fast) =>
  new Histogram({ name, help, labelNames, buckets }, registry)

/** A counter that stands at zero from the start for every known combination of labels: a rate needs the step from 0 to 1. */
function counter(registry: Registry, name: string, help: string, known: Record<string, readonly string[]>) {
  const made = new Counter({ name, help, labelNames: Object.keys(known), registers: [registry] })
  const combinations = Object.entries(known).reduce<Record<string, string>[]>(
    (all, [label, values]) => all.flatMap((one) => values.map((value) => ({ ...one, [label]: value }))),
    [{}],
  )
  for (const labels of combinations) made.inc(labels, 0)
  return made
}

/**
 * The same with one label, for what is counted in every request: prom-client makes a text of the labels at each count, which takes a
 * third of a microsecond.
 */
function tally<Value extends string>(
  registry: Registry,
  name: string,
  help: string,
  labelName: string,
  known: readonly Value[],
) {
  const counts = Object.fromEntries(known.map((value) => [value, 0])) as Record<Value, number>
  new Counter({
    name,
    help,
    labelNames: [labelName],
    registers: [registry],
    collect() {
      this.reset()
      for (const value of known) this.inc({ [labelName]: value }, counts[value])
    },
  })
  return {
    /** Counts one of this value. */
    inc(value: Value): void {
      counts[value] += 1
    },
  }
}
const gauge = (
  registry: Registry,
  name: string,
  help: string,
  labelNames: string[],
  collect?: (this: Gauge) => Promise<void> | void,
) => new Gauge({ name, help, labelNames, registers: [registry], ...(collect === undefined ? {} : { collect }) })

const shared = (registry: Registry) => ({
  dbQuery: histogram(registry, 'db_query_duration_seconds', 'Time of a call to Postgres by what it does.', ['op']),
  cache: histogram(registry, 'cache_operation_duration_seconds', 'Time of a call to the cache by what it does.', [
    'op',
    'outcome',
  ]),
  publish: histogram(registry, 'publish_duration_seconds', 'Time from publish to confirm.', ['outcome']),
  gauge: (name: string, help: string, labels: string[], collect: (this: Gauge) => Promise<void> | void) =>
    gauge(registry, name, help, labels, collect),
})

/** What of the API is asked at every scrape. */
interface ApiLooks {
  /** How old the oldest change is that each engine lacks, in seconds; none where nobody knows. */
  searchLags?(): Promise<{ engine: string; seconds: number }[]>
  /** In which state the breaker before the search engine is, of which there are. */
  breaker?(): { state: string; states: readonly string[] }
  /** How many requests are in hand, and how many were refused as there was more to do than could be done. */
  admission?: { inHand: number; refused: number }
}

/** Metrics of the API, for these collections. */
export const apiMetrics = (registry: Registry, collections: string[], looks: ApiLooks = {}) => ({
  ...shared(registry),
  request: histogram(registry, 'http_request_duration_seconds', 'Time of a request by route and status.', [
    'method',
    'route',
    'status',
  ]),
  requestsInHand: gauge(
    registry,
    'http_requests_in_hand',
    'Requests in hand: taken, and not answered yet; those that only wait for others not counted.',
    [],
    function () {
      this.set(looks.admission?.inHand ?? 0)
    },
  ),
  requestsRefused: new Counter({
    name: 'http_requests_refused_total',
    help: 'Requests refused because there was more to do than could be done: they are in no other figure.',
    registers: [registry],
    collect() {
      this.reset()
      this.inc(looks.admission?.refused ?? 0)
    },
  }),
  accepted: tally(registry, 'records_accepted_total', 'Versions accepted.', 'collection', collections),
  reads: tally(registry, 'cache_reads_total', 'Reads of one record by where the answer came from.', 'result', [
    'HIT',
    'MISS',
    'BYPASS',
  ]),
  search: histogram(registry, 'search_duration_seconds', 'Time of a search by engine and outcome.', [
    'engine',
    'outcome',
  ]),
  fallbacks: counter(
    registry,
    'search_fallbacks_total',
    'Searches that Postgres answered in place of the search engine: it failed or was late, it rests (the breaker is open), or it is behind.',
    { reason: ['failed', 'resting', 'behind'] },
  ),
  searchLag: gauge(
    registry,
    'search_lag_seconds',
    'Age of the oldest change that an engine does not know yet (a gauge); of none while Postgres is away.',
    ['engine'],
    async function () {
      const lags = (await looks.searchLags?.().catch(() => [])) ?? []
      this.reset()
      for (const { engine, seconds } of lags) this.set({ engine }, seconds)
    },
  ),
  breaker: gauge(
    registry,
    'search_breaker_state',
    'Whether the search engine is asked: 1 for the state that the breaker is in.',
    ['state'],
    function () {
      const { state, states } = looks.breaker?.() ?? { state: '', states: [] }
      for (const one of states) this.set({ state: one }, one === state ? 1 : 0)
    },
  ),
})
export type ApiMetrics = ReturnType<typeof apiMetrics>

/** What of the worker is asked at every scrape. */
interface WorkerLooks {
  /** How many records stand parked, by code. */
  parked?(): Promise<{ code: string; count: number }[]>
  /** How many documents the search engine did not take. */
  rejects?(): Promise<number>
  /** When the last audit was completed, in milliseconds since 1970; undefined: never. */
  audited?(): Promise<number | undefined>
}

/** Metrics of the worker, for these collections. */
export const workerMetrics = (registry: Registry, collections: string[], looks: WorkerLooks = {}) => ({
  ...shared(registry),
  batch: histogram(registry, 'persist_batch_duration_seconds', 'Time to persist a batch, from hand-over to settled.', [
    'outcome',
  ]),
  batchSize: histogram(
    registry,
    'persist_batch_records',
    'Records in a batch.',
    [],
    [1, 5, 10, 25, 50, 100, 250, 500, 1000],
  ),
  persistLag: histogram(
    registry,
    'persist_lag_seconds',
    'Time from acceptance to persisted, by the clocks of API and worker.',
    [],
    slow,
  ),
  persisted: counter(registry, 'records_persisted_total', 'Versions by what became of them.', {
    collection: collections,
    outcome: ['inserted', 'updated', 'superseded', 'duplicate', 'conflict', 'bad-data'],
  }),
  bulks: counter(registry, 'bulks_total', 'Bulks by what became of them.', {
    collection: collections,
    outcome: ['committed', 'rolled_back'],
  }),
  parked: counter(registry, 'records_parked_total', 'Versions parked, by reason.', {
    reason: ['conflict', 'hash-mismatch', 'kills-worker', 'unknown-type', 'unpersistable', 'unreadable'],
  }),
  parkedRecords: gauge(
    registry,
    'parked_records',
    'Records that stand parked, by code. Every worker tells the same.',
    ['code'],
    async function () {
      const counts = (await looks.parked?.().catch(() => [])) ?? []
      this.reset() // a code that nothing is parked with any more is gone; and while Postgres is away nothing is said
      for (const { code, count } of counts) this.set({ code }, count)
    },
  ),
  retries: counter(registry, 'persist_retries_total', 'Attempts that were repeated, by what made them fail.', {
    code: ['deadline', 'database-away', 'queue-away'],
  }),
  followed: counter(registry, 'follower_changes_total', 'Changes by who follows and what became of them.', {
    collection: collections,
    follower: ['search', 'building', 'kept', 'texts', 'changes'],
    outcome: ['done', 'retry', 'rejected'],
  }),
  follow: histogram(
    registry,
    'follower_write_duration_seconds',
    'Time to write a page of changes to the search engine, to the texts in Postgres, or to the exchange.',
    ['follower'],
  ),
  behind: gauge(registry, 'follower_behind_changes', 'Changes that have not been followed yet (at most).', [
    'collection',
    'follower',
  ]),
  followerStopped: gauge(
    registry,
    'follower_stopped',
    'Whether the search engine refuses the index or us (1): blocked, read-only, not allowed. Nothing is passed meanwhile.',
    ['collection', 'follower'],
  ),
  followerBreaker: gauge(
    registry,
    'follower_breaker_state',
    'Whether a follower works: 1 for the state that its breaker is in. open: something that it needs has failed, and it rests; half-open: it tries again.',
    ['collection', 'follower', 'state'],
  ),
  rejects: gauge(
    registry,
    'search_rejects',
    'Documents that the search engine did not take. Every worker tells the same.',
    ['collection'],
    async function () {
      const count = await looks.rejects?.().catch(() => undefined)
      this.reset() // while Postgres is away nothing is said
      if (count !== undefined) for (const collection of collections) this.set({ collection }, count)
    },
  ),
  told: counter(registry, 'changes_told_total', 'Messages about changes that a queue was bound for.', {
    collection: collections,
  }),
  refresh: histogram(
    registry,
    'view_refresh_duration_seconds',
    'Time of a refresh of a materialized view.',
    ['view', 'outcome'],
    slow,
  ),
  viewAsOf: gauge(registry, 'view_as_of_timestamp_seconds', 'When the view was last known to be right (Unix time).', [
    'view',
  ]),
  auditDifferences: counter(
    registry,
    'audit_differences_total',
    'What audits found: rows without a document, with another one, documents without a row, cached copies that differ.',
    { collection: collections, kind: ['missing', 'different', 'extra', 'cached'] },
  ),
  auditRepairs: counter(registry, 'audit_repairs_total', 'What of it was repaired, looked at again after that.', {
    collection: collections,
    kind: ['missing', 'different', 'extra', 'cached'],
  }),
  audited: gauge(
    registry,
    'audit_completed_timestamp_seconds',
    'When the last audit was completed (Unix time). Every worker tells the same.',
    [],
    async function () {
      const at = await looks.audited?.().catch(() => undefined)
      if (at !== undefined) this.set(at / 1_000)
    },
  ),
  flushed: counter(
    registry,
    'records_flushed_total',
    'Dirty versions published again by the flusher, or settled by it.',
    { outcome: ['published', 'settled'] },
  ),
})
export type WorkerMetrics = ReturnType<typeof workerMetrics>
