import { connectCache, createBarriers, createRecordCache } from '@ordermill/cache'
import type { Ledger, Table } from '@ordermill/database'
import { orders } from '@ordermill/model'
import { createConsumer, createPublisher } from '@ordermill/queue'
import { createIndexWriter, indexDefinition } from '@ordermill/search'
import type { WorkerMetrics } from '@ordermill/telemetry'
import { runDrainer } from '../../services/worker/drainer.ts'
import { runFlusher } from '../../services/worker/flusher.ts'
import { createFollower } from '../../services/worker/follower.ts'
import { createLone } from '../../services/worker/lone.ts'
import { createParking } from '../../services/worker/parking.ts'
import { runPersister } from '../../services/worker/persister.ts'
import { createAsking } from './asking.ts'
import { createEngineClient } from './engine.ts'
import {
  createAttempts,
  createCursors,
  createLeases,
  createLedger,
  createReader,
  createRejects,
  createTable,
} from './postgres.ts'
import { noMetrics, traceLogger } from './quiet.ts'
import { settings, topology } from './settings.ts'
import { type Process, startProcess, type World } from './world.ts'

const definition = indexDefinition(orders, '')
const metrics = noMetrics<WorkerMetrics>()

/** A worker process; `failed` is called with what ends one of its loops, which nothing may. */
export function startWorker(world: World, name: string, failed: (error: unknown) => void): Process {
  return startProcess(world, name, (process) => {
    for (const loop of build(world, process)) loop.catch(failed)
  })
}

function build(world: World, process: Process): Promise<void>[] {
  const { scheduler, random } = world
  const collection = orders
  const [queues] = topology.collections
  if (queues === undefined) throw new Error('a topology without queues')
  const urls = [`amqp://${process.host}`]
  const log = traceLogger(world, process.name)
  const asking = (server: World['postgres']['server'], timeout_ms: number) =>
    createAsking({ scheduler, random, server, owner: process, usual_ms: 3, timeout_ms })
  const ask = asking(world.postgres.server, settings.databaseTimeout_ms)
  const postgres = world.postgres.store
  const client = connectCache({
    urls: [`redis://${process.host}`],
    timeout_ms: settings.cacheTimeout_ms,
    onError: () => undefined,
    onReady: () => undefined,
  })
  const cache = createRecordCache({
    client,
    collection: collection.name,
    namespace: '',
    dirtyLimit: settings.dirtyLimit,
  })
  const barriers = createBarriers({ client, collection: collection.name, namespace: '' })
  const broker = { urls, topology, onLost: () => undefined }
  const publisher = createPublisher({
    ...broker,
    name: 'publish',
    window: settings.window,
    timeout_ms: settings.publishTimeout_ms,
  })
  const consumerOf = (queue: string) =>
    createConsumer({
      ...broker,
      name: `consume-${queue}`,
      queue,
      prefetch: settings.prefetch,
      batchMax: settings.batchMax,
      batchWait_ms: settings.batchWait_ms,
    })
  const stored = createReader({ postgres, ask })
  const leases = createLeases({ postgres, ask, now_ms: () => scheduler.now(), holder: process.host })
  const ends = new AbortController().signal
  const engine = createEngineClient({
    engine: world.engine.store,
    random,
    ask: asking(world.engine.server, settings.engineTimeout_ms),
  })
  const follower = createFollower({
    name: 'search',
    collection,
    stored,
    leases,
    cursors: createCursors({ postgres, ask }),
    rejects: createRejects({ postgres, ask }),
    refresh_ms: 1_000,
    writer: createIndexWriter(engine, definition),
    batch: settings.followBatch,
    every_ms: settings.followEvery_ms,
    log,
    metrics,
  })
  const exchange = topology.exchange
  const table = createTable({ postgres, ask, isStuck: () => world.postgres.stuck }) as Table
  const lone = createLone({
    attempts: createAttempts({ postgres, ask, holder: process.host }),
    queue: queues.persist,
    probe: (signal) => table.probe(signal),
    deadline_ms: settings.deadline_ms,
    log,
  })
  const ledger = createLedger({ postgres, ask }) as Ledger
  return [
    runPersister({
      lone,
      collection,
      table,
      parking: createParking({ publisher, queue: queues.parked, from: queues.name, log, onParked: () => undefined }),
      consumer: consumerOf(queues.persist),
      settle: (versions) =>
        cache.settle(versions).then(
          () => undefined,
          () => undefined,
        ),
      passBarrier: (barrier) => barriers.pass(barrier).catch(() => undefined),
      answer: () => undefined,
      wakeFollower: follower.wake,
      deadline_ms: settings.deadline_ms,
      log,
      metrics,
      stop: ends,
    }),
    runDrainer({
      collection,
      consumer: consumerOf(queues.parked),
      ledger,
      cache,
      log,
      stop: ends,
    }),
    runFlusher(
      {
        collection,
        cache,
        barriers,
        stored,
        ledger,
        leases,
        publisher,
        exchange,
        after_ms: settings.flushAfter_ms,
        log,
        metrics,
      },
      ends,
    ),
    follower.run(ends),
  ]
}
