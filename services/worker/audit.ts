import type { CleanCopies } from '@ordermill/cache'
import { type Database, renumber } from '@ordermill/database'
import { type Collection, Unavailable } from '@ordermill/model'
import type { Logger, WorkerMetrics } from '@ordermill/telemetry'
import { auditCache } from './cache-audit.ts'
import { type CompareParts, compareInOrder, type Difference, differencesOf } from './comparing.ts'
import type { JobContext, JobHandler } from './jobs.ts'
import type { Yielding } from './yielding.ts'

interface AuditParts {
  collection: Collection
  database: Pick<Database, 'transaction'>
  /** Both sides of the index; undefined where there is no search engine. */
  index: CompareParts | undefined
  copies: CleanCopies
  rows: CompareParts['rows']
  /** Lets those go first who persist. */
  yielding: Yielding
  metrics: Pick<WorkerMetrics, 'auditDifferences' | 'auditRepairs'>
  log: Logger
}

/** What an audit found and did. */
interface Report extends Record<string, unknown> {
  /** The last row that was compared. */
  after: string | undefined
  rows: number
  documents: number
  ranges: number
  found: Counts
  repaired: Counts
  cache: { checked: number; different: number; removed: number }
}
type Counts = Record<Difference['kind'], number>
const none = (): Counts => ({ missing: 0, different: 0, extra: 0 })

/** Most by which the numbers of changes are moved on, so that they pass a document that somebody else has written. */
const reachMax = 1_000_000_000

/**
 * The job that holds index and cache against Postgres. A row without its document, or with another one, gets a new change number, so that
 * the follower writes it; a document without a row is deleted; a cached copy that differs is taken away. What was repaired is
 * looked at again. With `repair: false` it only counts.
 */
export function createAudit(parts: AuditParts): JobHandler {
  return async ({ arguments: { repair: wanted }, progress, signal, report }) => {
    const repair = wanted !== false
    const done: Report = {
      after: undefined,
      rows: 0,
      documents: 0,
      ranges: 0,
      found: none(),
      repaired: none(),
      cache: { checked: 0, different: 0, removed: 0 },
      ...progress, // an attempt before this one came so far
    }
    const goOn = async (worked_ms: number) => {
      if (signal.aborted || !(await report(done))) throw new Unavailable('stopping', 'The audit was stopped.')
      await parts.yielding.rest(worked_ms, signal)
    }
    if (parts.index !== undefined) await auditIndex(parts.index, parts, { done, repair, goOn, signal })
    let started = performance.now()
    for await (const { checked, different, removed } of auditCache(parts, { repair }, signal)) {
      done.cache.checked += checked
      done.cache.different += different
      done.cache.removed += removed
      parts.metrics.auditDifferences.inc({ collection: parts.collection.name, kind: 'cached' }, different)
      parts.metrics.auditRepairs.inc({ collection: parts.collection.name, kind: 'cached' }, removed)
      await goOn(performance.now() - started)
      started = performance.now()
    }
    if (signal.aborted) throw new Unavailable('stopping', 'The audit was stopped.')
    const { after: _, ...result } = done
    return { ...result, left: sum(done.found) - sum(done.repaired) }
  }
}

const sum = (counts: Counts): number => counts.missing + counts.different + counts.extra

interface Run {
  done: Report
  repair: boolean
  goOn(worked_ms: number): Promise<void>
  signal: JobContext['signal']
}

async function auditIndex(index: CompareParts, parts: AuditParts, { done, repair, goOn, signal }: Run): Promise<void> {
  const { collection, metrics, log } = parts
  const count = (counts: Counts, metric: typeof metrics.auditDifferences, some: Difference[]) => {
    for (const { kind } of some) {
      counts[kind] += 1
      metric.inc({ collection: collection.name, kind })
    }
  }
  let started = performance.now()
  for await (const { to, rows, documents, differences } of compareInOrder(index, { after: done.after }, signal)) {
    done.after = to
    done.rows += rows
    done.documents += documents
    done.ranges += 1
    if (differences.length > 0) {
      const first = differences.slice(0, 3).map(({ kind, id }) => ({ kind, id }))
      log.warn({ differences: differences.length, first }, 'the index differs from Postgres')
      count(done.found, metrics.auditDifferences, differences)
      if (repair) {
        await repairIndex(index, parts, differences)
        const left = new Set(
          (
            await differencesOf(
              differences.map(({ id }) => id),
              index,
              signal,
            )
          ).map(({ id }) => id),
        )
        count(
          done.repaired,
          metrics.auditRepairs,
          differences.filter(({ id }) => !left.has(id)),
        )
      }
    }
    await goOn(performance.now() - started)
    started = performance.now()
  }
}

async function repairIndex(
  { documents, passed }: CompareParts,
  { collection, database }: AuditParts,
  differences: Difference[],
): Promise<void> {
  const reach = (await passed()) + reachMax
  // A document that nobody's numbers come up to goes as well: once the engine has forgotten its deletion, the next audit finds it missing.
  const gone = differences.flatMap((one) => {
    if (one.kind === 'missing' || (one.kind === 'different' && one.document.change_seq <= reach)) return []
    return [one.document]
  })
  await documents.remove(gone)
  const rows = differences.flatMap((one) => (one.kind === 'extra' ? [] : [one.row]))
  const above = differences.map((one) => (one.kind === 'different' ? one.document.change_seq : 0))
  await renumber(database, collection, rows, Math.max(0, ...above.filter((change_seq) => change_seq <= reach)))
}
