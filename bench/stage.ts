import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { migrate } from '@ordermill/database/migrate'
import { Guard, type ServerName, type Servers, serversFolder, startServers } from '@ordermill/servers'
import { machineOnly, removeLeft } from '../servers/machine.ts'
import { freePort } from '../servers/ports.ts'
import { planServices, smallEnvironment, smallProcess } from '../servers/services.ts'
import { Supervised } from '../servers/supervisor.ts'
import { type Meter, type Pids, startMeter } from './accounting.ts'
import { catchUp } from './caught-up.ts'
import { type Child, startChild } from './child.ts'
import type { LoadJob, LoadProgress, LoadResult } from './load/jobs.ts'
import type { RowResult } from './results.ts'
import type { Settings } from './settings.ts'
import { openStores, type Stores } from './stores.ts'

/** A process under measurement, and its address. */
export interface Running {
  url: string
  pid: number
  stop(): Promise<void>
}

/** Where cases run: servers of the bench's own, and what may be started on them. */
export interface Stage {
  settings: Settings
  stores: Stores
  servers: Servers
  signal: AbortSignal
  /** The rows that are done, so that a case may build on another. */
  rows: RowResult[]
  /** Whether there is a search engine. */
  search: boolean
  /** The API or the worker, as npm start runs them; `flags` and `env` come on top of its own. */
  service(
    name: 'api' | 'worker',
    options?: { search?: boolean; flags?: string[]; env?: Record<string, string> },
  ): Promise<Running>
  /** A floor or an alternative, with the flags of the API; `count`: of the orders that it queues itself. */
  floor(name: string, count?: number): Promise<Running>
  /** Runs a load in the load generator. */
  load(job: LoadJob, onProgress?: (progress: LoadProgress) => void): Promise<LoadResult>
  /** Measures servers, load generator and these. */
  meter(measured: Record<string, Running>): Meter
  say(line: string): void
}

interface Opening {
  settings: Settings
  which: ServerName[]
  signal: AbortSignal
  say(line: string): void
}

/** Starts servers and load generator, hands them to `work`, and leaves nothing behind. */
export async function onStage<T>(
  { settings, which, signal, say }: Opening,
  work: (stage: Stage) => Promise<T>,
): Promise<T> {
  removeLeft('bench')
  const dataDir = join(serversFolder(), `bench-${process.pid}`)
  mkdirSync(dataDir, { recursive: true })
  const machine = machineOnly()
  const guard = new Guard()
  const servers = await startServers({ dataDir, which, env: machine, log: say, guard, signal })
  const running = new Set<Running>()
  let services = 0
  let load: Child | undefined
  let stores: Stores | undefined
  const env: Record<string, string> = { ...servers.env }
  const started = <R extends Running>(one: R): R => {
    const stop = one.stop
    one.stop = async () => {
      running.delete(one)
      await stop()
    }
    running.add(one)
    return one
  }
  const script = (name: string) => join(import.meta.dirname, name)
  try {
    await migrate(env['POSTGRES_DSN'] ?? '', 'up')
    stores = await openStores(env)
    const generator = await startChild({
      script: script('load/main.ts'),
      env: machine,
      logFile: join(dataDir, 'load.log'),
    })
    load = generator
    signal.addEventListener('abort', () => void generator.stop(), { once: true }) // what waits for it fails, and all ends
    const stage: Stage = {
      settings,
      stores,
      servers,
      signal,
      rows: [],
      search: env['ELASTICSEARCH_URL'] !== undefined,
      say,
      async service(name, { search = true, flags = [], env: options = {} } = {}) {
        const port = String(await freePort())
        const own = { ...machine, ...env, ...options, API_PORT: port, WORKER_PORT: port }
        const folder = join(dataDir, `service-${++services}`) // one of its own: a second API is not the first one's leftover
        mkdirSync(folder)
        const plan = planServices(folder, search ? own : { ...own, ELASTICSEARCH_URL: '' })[name]
        const service = new Supervised(
          { ...plan, args: [...plan.args.slice(0, -1), ...flags, ...plan.args.slice(-1)] },
          { guard, log: say, restart: false },
        )
        await service.start()
        return started({ url: plan.url, pid: service.pid ?? 0, stop: () => service.stop() })
      },
      async floor(name, count = 0) {
        const logFile = join(dataDir, `${name.replaceAll('/', '-')}.log`)
        const flags = smallProcess.flags.api
        const own = { ...machine, ...smallEnvironment(), ...env }
        const child = await startChild({
          script: script('floors/main.ts'),
          args: [name, String(count)],
          env: own,
          flags,
          logFile,
        })
        return started({ url: child.url, pid: child.pid, stop: () => child.stop() })
      },
      async load(job, onProgress) {
        signal.throwIfAborted()
        const result = await generator.ask<LoadResult>(job, (progress) => onProgress?.(progress as LoadProgress))
        if (result.count === 0) throw new Error(`${job.url} answered nothing: ${JSON.stringify(result.statuses)}`)
        return result
      },
      meter(measured) {
        const pids: Pids = { load: generator.pid }
        for (const [name, handle] of Object.entries(servers.servers))
          if (handle.pid !== undefined) pids[name] = handle.pid
        for (const [name, { pid }] of Object.entries(measured)) pids[name] = pid
        return startMeter(pids, [...Object.keys(measured), 'load'])
      },
    }
    await catchUp(stage)
    return await work(stage)
  } finally {
    await Promise.allSettled([...running].map((one) => one.stop()))
    await load?.stop()
    await stores?.close().catch(() => undefined)
    await servers.discard()
    guard.close()
  }
}
