import { createJobs, dailySales } from '@ordermill/database'
import { type Collection, orders, toError } from '@ordermill/model'
import type { EngineClient } from '@ordermill/search'
import type { Logger } from '@ordermill/telemetry'
import { scheduleAudits } from './audit-schedule.ts'
import { startConsuming } from './consuming.ts'
import { runFlusher } from './flusher.ts'
import { createFollowers } from './followers.ts'
import { serveWorker } from './http.ts'
import { keepIndexAsConfigured } from './index-keeper.ts'
import { askForKnown, runEveryJob } from './job-kinds.ts'
import type { WorkerOptions } from './options.ts'
import { openResources, type Resources } from './resources.ts'
import { createScheduler } from './scheduler.ts'

export interface Worker {
  /** Where health and metrics are served. */
  address: string
  /** Rejects when something happened that only a person can mend. */
  failed: Promise<never>
  /** Finishes the batch in hand and leaves the rest to the queue; after `SHUTDOWN_MS` what is in hand goes back too. */
  stop(): Promise<void>
}

/** Starts the worker for one collection: what reads the queues, followers, flusher, scheduler and jobs. */
export async function startWorker(
  options: WorkerOptions,
  root: Logger,
  collection: Collection = orders,
): Promise<Worker> {
  const resources = openResources(options, root, collection)
  const { part, metrics, database, consumers, publisher } = resources
  const ending = new AbortController() // the loops end
  const giveUp = new AbortController() // what is in hand goes back

  const followers = createFollowers(resources)
  const views = collection === orders ? [dailySales] : []
  const schedule = options.MV_REFRESH_SCHEDULE
  const scheduler = createScheduler({ database, views, schedule, log: part('scheduler'), metrics })
  const flusher = { ...resources, after_ms: options.FLUSH_AFTER_MS, log: part('flusher') }
  const running = [
    ...startConsuming({ resources, wakeFollowers: followers.wake, giveUp: giveUp.signal }),
    followers.run(ending.signal),
    runFlusher(flusher, ending.signal),
    runEveryJob(resources, ending.signal),
    askForKnown(resources, ending.signal),
    keepIndices(resources, ending.signal),
  ]
  scheduler.start()
  const endAudits = scheduleAudits({
    ...resources,
    schedule: options.AUDIT_SCHEDULE,
    jobs: createJobs(database),
    log: part('audit'),
  })

  let stopping: Promise<void> | undefined
  const served = await serveWorker({
    host: options.WORKER_HOST,
    port: options.WORKER_PORT,
    registry: resources.registry,
    dependencies: async () => ({
      rabbitmq: consumers.records.connected() ? 'ok' : 'away',
      publisher: publisher.state(),
      ...(resources.engine && { elasticsearch: await engineStatus(resources.engine) }),
      followers: followers.states(),
    }),
    notReady: async () => (stopping === undefined ? await notReady(resources) : 'stopping'),
  })

  const stop = async () => {
    const patience = setTimeout(() => giveUp.abort(), options.SHUTDOWN_MS)
    for (const consumer of Object.values(consumers)) consumer.stop()
    ending.abort()
    endAudits()
    followers.wake()
    const done = await Promise.allSettled([...running, scheduler.stop()])
    clearTimeout(patience)
    for (const { reason } of done.filter((one) => one.status === 'rejected'))
      part('worker').error({ err: toError(reason) }, 'ended badly')
    await resources.close()
    await served.close()
  }
  const failed = new Promise<never>((_, reject) => {
    const connections = [publisher, resources.changes?.publisher, ...Object.values(consumers)].flatMap(
      (one) => one?.ready ?? [],
    )
    for (const one of [...connections, ...running]) one.catch(reject)
  })
  failed.catch(() => undefined)
  return { address: served.address, failed, stop: () => (stopping ??= stop()) }
}

/** green, yellow or red, as the engine says of its cluster; it keeps the worker from nothing. */
const engineStatus = (engine: EngineClient): Promise<string> =>
  engine.cluster.health({}, { requestTimeout: 2_000 }).then(
    ({ status }) => status,
    () => 'away',
  )

async function keepIndices({ engine, definition, options, part }: Resources, signal: AbortSignal): Promise<void> {
  if (engine === undefined) return
  const repository = options.SNAPSHOT_REPOSITORY
  await keepIndexAsConfigured({ engine, definition, repository, log: part('index') }, signal)
}

async function notReady({ consumers, database }: Resources): Promise<string | undefined> {
  if (!consumers.records.connected()) return 'the broker is away'
  return await database.query({ text: 'SELECT 1' }).then(
    () => undefined,
    () => 'Postgres is away',
  )
}
