import type { Cursors, RecordReader, RowsInOrder, SearchIndex } from '@ordermill/database'
import { toError, Unavailable } from '@ordermill/model'
import type { Documents, IndexDefinition } from '@ordermill/search'
import type { Logger } from '@ordermill/telemetry'
import { compareInOrder } from './comparing.ts'
import type { JobContext, JobHandler } from './jobs.ts'
import { type SwitchParts, switchTo } from './switching.ts'
import { pause } from './waiting.ts'

export interface ReindexParts extends SwitchParts {
  definition: IndexDefinition
  stored: Pick<RecordReader, 'lastChange'>
  rows: RowsInOrder
  cursors: Cursors
  documentsOf(index: string): Documents
  rejectsOf(uuid: string, ids: string[]): Promise<{ id: string; change_seq: number }[]>
  /** So many changes behind it counts as having caught up. */
  batch: number
  log: Logger
}

/** How often is said how far it is, how long is waited where something is away, and how many differences are named. */
const report_ms = 1_000
const away_ms = 5_000
const namedMax = 5

/**
 * The job that builds a new index beside the one that serves: made here, fed by a follower of its own from the first change, held
 * against Postgres, and then put in the place of the other. All that it has done stands in Postgres and in the engine: whoever takes the
 * job over goes on there. An index whose job has ended before it served is removed by those who follow.
 */
export function createReindex(parts: ReindexParts): JobHandler {
  return async (context) => {
    for (;;)
      try {
        return await reindex(parts, context)
      } catch (thrown) {
        if (!(thrown instanceof Unavailable) || context.signal.aborted) throw thrown
        parts.log.warn({ err: toError(thrown), job: context.id }, 'the reindexing waits')
        await goOn(context, { phase: 'waiting', code: thrown.code })
        await pause(away_ms, context.signal)
      }
  }
}

async function reindex(parts: ReindexParts, context: JobContext): Promise<Record<string, unknown>> {
  const { definition, registry } = parts
  const name = `${definition.index}-${context.id.slice(-8)}`
  const building = await begin(name, parts, context)
  if (building.role === 'serving') return { index: name }
  await untilFed(building, parts, context)
  const checked = await verify(building, parts, context)
  await goOn(context, { phase: 'switching', index: name, ...checked })
  const previous = await switchTo(building, parts, context.signal)
  parts.log.info({ index: name, previous, definition: (await registry.list()).length }, 'another index serves')
  return { index: name, previous, ...checked }
}

/** The index of this job: made, or as an attempt before has left it. @throws Error if another one stands in the way */
async function begin(
  name: string,
  { definition, registry, indices }: ReindexParts,
  { id }: JobContext,
): Promise<SearchIndex> {
  const find = async () => (await registry.list()).find((one) => one.name === name)
  const known = await find()
  if (known !== undefined) return known
  const others = (await registry.list()).filter(({ role }) => role !== 'serving')
  if (others.some(({ job }) => job === id)) throw new Error('another version of the program has begun this job')
  if (others.some(({ role }) => role === 'kept')) throw new Error('an index is kept: drop it first, or go back to it')
  await indices.make(name, false)
  const made = await indices.find(name)
  if (made === undefined) throw new Unavailable('index-missing', 'The new index is not there yet.')
  await registry.build({ uuid: made.uuid, name, definition: definition.digest, job: id })
  const built = await find()
  if (built === undefined) throw new Error('the new index was forgotten')
  return built
}

/** Says how far it is. @throws Unavailable once it should end */
async function goOn({ report, signal }: JobContext, progress: Record<string, unknown>): Promise<void> {
  if (signal.aborted || !(await report(progress))) throw new Unavailable('stopping', 'The reindexing was stopped.')
}

/** Waits until the follower has caught up; says how far it is, how fast, and how long it will take. */
async function untilFed(
  building: SearchIndex,
  { cursors, stored, batch }: ReindexParts,
  context: JobContext,
): Promise<void> {
  const started = performance.now()
  const first = await cursors.passed(building.uuid)
  for (;;) {
    const [at, of] = [await cursors.passed(building.uuid), await stored.lastChange()]
    const per_second = ((at - first) * 1_000) / (performance.now() - started)
    const seconds_left = per_second > 0 ? Math.ceil((of - at) / per_second) : null
    const rate = Math.round(per_second)
    await goOn(context, {
      phase: 'feeding',
      index: building.name,
      changes: at,
      of,
      changes_per_second: rate,
      seconds_left,
    })
    if (of - at <= batch) return
    await pause(report_ms, context.signal)
  }
}

/** Compares the new index with the table. @throws Error if they differ */
async function verify(building: SearchIndex, parts: ReindexParts, context: JobContext) {
  const { cursors, rows, documentsOf, rejectsOf } = parts
  const documents = documentsOf(building.name)
  await documents.refresh()
  const allowed = context.arguments['accept_rejects'] === true
  const sides = {
    rows,
    documents,
    passed: () => cursors.passed(building.uuid),
    rejected: async (ids: string[]) => (allowed ? rejectsOf(building.uuid, ids) : []),
  }
  const seen = { rows: 0, documents: 0, ranges: 0 }
  let differences = 0
  const named: string[] = [] // each difference holds its row: an index that differs as a whole would not fit into memory
  let said = Number.NEGATIVE_INFINITY
  for await (const range of compareInOrder(sides, {}, context.signal)) {
    seen.rows += range.rows
    seen.documents += range.documents
    seen.ranges += 1
    differences += range.differences.length
    for (const { kind, id } of range.differences.slice(0, namedMax - named.length)) named.push(`${kind} ${id}`)
    if (performance.now() - said < report_ms) continue
    said = performance.now()
    await goOn(context, { phase: 'verifying', index: building.name, ...seen, differences })
  }
  if (context.signal.aborted) throw new Unavailable('stopping', 'The reindexing was stopped.')
  if (differences === 0) return seen
  throw new Error(`the new index is not what the table says, ${differences} times: ${named.join(', ')}`)
}

/** The job that has searches ask the index again that served before. */
export const createRollback =
  (parts: SwitchParts): JobHandler =>
  async ({ signal }) => {
    const kept = (await parts.registry.list()).find(({ role }) => role === 'kept')
    if (kept === undefined) throw new Error('no index is kept')
    return { index: kept.name, previous: await switchTo(kept, parts, signal) }
  }

/** The job that removes the index that served before. */
export const createDrop =
  ({ registry, indices }: Pick<SwitchParts, 'registry' | 'indices'>): JobHandler =>
  async () => {
    const kept = (await registry.list()).filter(({ role }) => role === 'kept')
    for (const { uuid, name } of kept) {
      await indices.remove(name)
      await registry.forget(uuid)
    }
    return { dropped: kept.map(({ name }) => name) }
  }
