import {
  createCursors,
  createJobQueue,
  createJobs,
  createLeases,
  createParkedView,
  createRowsInOrder,
  createSearchIndices,
  dailySales,
  readRejects,
  refreshView,
} from '@ordermill/database'
import { newId, Unavailable } from '@ordermill/model'
import { barrierMessage, PublishFailed } from '@ordermill/queue'
import { createDocuments, createIndexWriter, createIndices } from '@ordermill/search'
import { createAudit } from './audit.ts'
import type { CompareParts } from './comparing.ts'
import { createDryRun } from './dry-run.ts'
import { createFlush } from './flush.ts'
import { type JobHandler, runJobs } from './jobs.ts'
import { createDrop, createReindex, createRollback } from './reindex.ts'
import { createRejectRetry } from './reject-retry.ts'
import { createReplay, replayKnown } from './replay.ts'
import type { Resources } from './resources.ts'
import { pause } from './waiting.ts'
import { createYielding } from './yielding.ts'

/** What may take minutes: no other job waits for one of these. */
const longKinds = ['audit', 'reindex']

/** Does jobs of every kind there is until `signal` aborts. */
export async function runEveryJob(resources: Resources, signal: AbortSignal): Promise<void> {
  const { collection, options, part, holder, database, table, ledger, publisher, exchange } = resources
  const refresh: JobHandler = async () => {
    const { outcome, as_of, duration_ms } = await refreshView(database, dailySales, { force: true })
    return { view: dailySales.name, outcome, as_of, duration_ms }
  }
  const replay = createReplay({ ledger, publisher, exchange, log: part('replay') })
  const handlers = {
    refresh,
    replay,
    'replay-group': replay,
    flush: createFlush(resources),
    'reject-retry': createRejectRetry({ collection, database }),
    audit: createAudit({
      ...resources,
      ...bothSides(resources),
      yielding: createYielding(resources.writes),
      log: part('audit'),
    }),
    ...reindexing(resources),
    'dry-run': createDryRun({ collection, ledger, table, deadline_ms: options.MESSAGE_TIMEOUT_MS }),
  }
  const shared = { queue: createJobQueue(database), holder, handlers, log: part('jobs') }
  const which = [{ kinds: longKinds, others: true }, ...longKinds.map((kind) => ({ kinds: [kind], others: false }))]
  await Promise.all(which.map((kinds) => runJobs({ ...shared, which: kinds }, signal)))
}

/** Postgres and the index in use, as they are compared. */
function bothSides({ collection, database, engine, definition }: Resources) {
  const rows = createRowsInOrder(database, collection)
  if (engine === undefined) return { rows, index: undefined }
  const writer = createIndexWriter(engine, definition)
  const cursors = createCursors(database)
  const index: CompareParts = {
    rows,
    documents: createDocuments(engine, definition.alias),
    passed: async () => cursors.passed((await writer.ensure()).uuid),
    rejected: async (ids) => readRejects(database, (await writer.ensure()).uuid, ids),
  }
  return { rows, index }
}

/** What is done with whole indices; nothing where there is no engine. */
function reindexing({
  collection,
  options,
  part,
  database,
  stored,
  engine,
  definition,
}: Resources): Record<string, JobHandler> {
  if (engine === undefined) return {}
  const parts = {
    definition,
    stored,
    registry: createSearchIndices(database, definition.alias),
    indices: createIndices(engine, definition),
    cursors: createCursors(database),
    leases: createLeases(database, newId()),
    rows: createRowsInOrder(database, collection),
    documentsOf: (index: string) => createDocuments(engine, index),
    rejectsOf: (uuid: string, ids: string[]) => readRejects(database, uuid, ids),
    batch: options.FOLLOW_BATCH,
    log: part('reindex'),
  }
  return {
    reindex: createReindex(parts),
    'reindex-rollback': createRollback(parts),
    'reindex-drop': createDrop(parts),
  }
}

/** How often is looked for what older workers have parked, in milliseconds. */
const look_ms = 2_000

/** Asks for a replay of what older workers parked because they did not know its type, whenever there is some, until `signal` aborts. */
export async function askForKnown(resources: Resources, signal: AbortSignal): Promise<void> {
  const { collection, database, consumers, publisher, exchange } = resources
  const parts = {
    jobs: createJobs(database),
    parked: createParkedView(database),
    isActive: () => consumers.records.active(),
    sound: () => publisher.publish(barrierMessage(newId(), { exchange, collection: collection.name })),
  }
  while (!signal.aborted) {
    await replayKnown(collection.type, parts).catch((thrown: unknown) => {
      if (!(thrown instanceof Unavailable) && !(thrown instanceof PublishFailed)) throw thrown
    })
    await pause(look_ms, signal)
  }
}
