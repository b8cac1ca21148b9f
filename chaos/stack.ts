import { copyFileSync, existsSync, mkdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { migrate } from '@ordermill/database/migrate'
import {
  Guard,
  type ServerHandle,
  type ServerName,
  type Servers,
  serversFolder,
  startServers,
} from '@ordermill/servers'
import { residentMb } from '../bench/accounting.ts'
import { machineOnly, removeLeft } from '../servers/machine.ts'
import { freePort } from '../servers/ports.ts'
import { flagsVariable } from '../servers/rabbitmq.ts'
import { planServices } from '../servers/services.ts'
import { Supervised } from '../servers/supervisor.ts'
import { waitFor } from '../servers/waiting.ts'
import { brokerFlags } from './faults/broker.ts'
import { type Link, type Links, openLinks } from './proxy/links.ts'
import type { TcpProxy } from './proxy/proxy.ts'
import type { StageName } from './scenarios/scenario.ts'
import { openStores, type Stores } from './stores.ts'

/** An API or a worker in a process of its own. */
export interface Service {
  kind: 'api' | 'worker'
  name: string
  url: string
  process: Supervised
  logFile: string
  /** Whether requests are sent to it: from the first time that it is ready, whatever becomes of it then. */
  isKnown: boolean
}

/** What is broken: real servers, an API and two workers, and a view of what the servers hold. */
export interface Stack {
  env: Record<string, string>
  stores: Stores
  server(name: ServerName): ServerHandle
  /** The nodes of a cluster. @throws Error on a stage that has none */
  cluster(name: 'redis' | 'rabbitmq'): ServerHandle[]
  /** What services of a kind reach a server through; everything else here goes straight to it. */
  link(link: Link): TcpProxy
  apis: Service[]
  workers: Service[]
  /** Starts one more service, with these options instead of the default ones; it is ready when this resolves. */
  add(kind: Service['kind'], options?: Record<string, string>): Promise<Service>
  /** Stops a service in order. Clients leave it as a balancer does: once it says that it is not ready. */
  retire(service: Service): Promise<void>
  /** Starts as many services of a kind as there are, with these options, and stops the ones there were: new before old. */
  replace(kind: Service['kind'], options?: Record<string, string>): Promise<void>
  /** Starts what does not run, and waits until all of it says that it is ready. @throws Error if it does not within a minute */
  ready(): Promise<void>
  /** The highest resident memory of each service since the last call, in MB. */
  memory(): Record<string, number>
  /** Services that do not run. */
  dead(): string[]
  /** Copies the logs of services and servers into a folder. */
  keepLogs(folder: string): void
}

/** RabbitMQ 3.10 may lose a quorum queue when it is killed right after declaring it; that is its own matter. */
const youth_ms = 4_000

/** How often a balancer asks a service whether it is ready. */
const balancer_ms = 200

interface Opening {
  stage?: StageName
  /** What every service finds in its environment, besides where the servers are. */
  env?: Record<string, string>
  signal: AbortSignal
  say(line: string): void
}

/** Starts the stack, hands it to `work`, and leaves nothing behind. */
export async function onStack<T>(
  { stage, env: own, signal, say }: Opening,
  work: (stack: Stack) => Promise<T>,
): Promise<T> {
  removeLeft('chaos')
  const dataDir = join(serversFolder(), `chaos-${process.pid}`)
  mkdirSync(dataDir, { recursive: true })
  const guard = new Guard()
  const machine = machineOnly()
  const nodes = stage === 'cluster' ? { redis: 6, rabbitmq: 3 } : {}
  const servers = await startServers({
    dataDir,
    env: { ...machine, [flagsVariable]: brokerFlags },
    log: say,
    guard,
    signal,
    nodes,
  })
  const started: Service[] = []
  let stores: Stores | undefined
  let links: Links | undefined
  let watch: NodeJS.Timeout | undefined
  try {
    const { env } = servers
    await migrate(env['POSTGRES_DSN'] ?? '', 'up')
    stores = await openStores(env)
    links = await openLinks(env)
    const peaks = new Map<string, number>()
    const stack = build({
      servers,
      stores,
      links,
      started,
      dataDir,
      machine: { ...machine, ...own },
      guard,
      say,
      peaks,
    })
    watch = setInterval(() => {
      for (const { name, process: one } of started)
        if (one.pid !== undefined) peaks.set(name, Math.max(peaks.get(name) ?? 0, residentMb(one.pid)))
    }, 250)
    await Promise.all([stack.add('api'), stack.add('worker'), stack.add('worker')])
    await sleep(youth_ms, undefined, { signal })
    return await work(stack)
  } finally {
    clearInterval(watch)
    await Promise.allSettled(started.map((service) => service.process.stop()))
    await links?.close()
    await stores?.close()
    await servers.discard()
    guard.close()
  }
}

interface Building {
  servers: Servers
  stores: Stores
  links: Links
  started: Service[]
  dataDir: string
  machine: Record<string, string | undefined>
  guard: Guard
  say(line: string): void
  peaks: Map<string, number>
}

function build({ servers, stores, links, started, dataDir, machine, guard, say, peaks }: Building): Stack {
  let count = 0
  const of = (kind: Service['kind']) => started.filter((service) => service.kind === kind && service.isKnown)
  const handles = [...Object.values(servers.servers), ...Object.values(servers.clusters).flat()]
  const logs = new Map(handles.map(({ logFile }) => [basename(logFile, '.log'), logFile]))
  const stack: Stack = {
    env: servers.env,
    stores,
    server(name) {
      const handle = servers.servers[name]
      if (handle === undefined) throw new Error(`There is no ${name}: ${servers.notes.join(' ')}`)
      return handle
    },
    cluster(name) {
      const nodes = servers.clusters[name]
      if (nodes === undefined) throw new Error(`There is no cluster of ${name} on this stage`)
      return nodes
    },
    link: (link) => links.proxy(link),
    get apis() {
      return of('api')
    },
    get workers() {
      return of('worker')
    },
    async add(kind, options = {}) {
      const name = `${kind}-${++count}`
      const port = String(await freePort())
      const folder = join(dataDir, name)
      mkdirSync(folder)
      const env = {
        ...{ ...machine, ...servers.env, ...links.env(kind), API_PORT: port, WORKER_PORT: port, ...options },
        NODE_OPTIONS: [machine['NODE_OPTIONS'], options['NODE_OPTIONS']].filter(Boolean).join(' '), // a guard taken out stays out
      }
      const plan = planServices(folder, env)[kind]
      const service: Service = {
        ...{ kind, name, url: plan.url, logFile: plan.logFile },
        process: new Supervised(plan, { guard, log: say, restart: false }),
        isKnown: false,
      }
      started.push(service)
      logs.set(name, plan.logFile)
      await service.process.start()
      service.isKnown = true
      return service
    },
    async retire(service) {
      const stopped = service.process.stop()
      await waitFor(async () => ((await isReady(service)) ? undefined : true), {
        timeoutMs: 10_000,
        everyMs: balancer_ms,
      })
      service.isKnown = false
      await stopped
      started.splice(started.indexOf(service), 1)
    },
    async replace(kind, options) {
      const old = of(kind)
      await Promise.all(old.map(() => stack.add(kind, options)))
      await Promise.all(old.map((service) => stack.retire(service)))
    },
    async ready() {
      await Promise.all(handles.map((server) => server.start()))
      await Promise.all(started.map(({ process: one }) => one.start()))
      const late = await waitFor(async () => ((await allReady(started)) ? 'ready' : undefined), { timeoutMs: 60_000 })
      if (late === undefined) throw new Error('the services are not ready, a minute after everything else was')
    },
    memory() {
      const found = Object.fromEntries(peaks)
      peaks.clear()
      return found
    },
    dead: () => started.filter(({ process: one }) => one.pid === undefined).map(({ name }) => name),
    keepLogs(folder) {
      mkdirSync(folder, { recursive: true })
      for (const [name, file] of logs) if (existsSync(file)) copyFileSync(file, join(folder, `${name}.log`))
    },
  }
  return stack
}

async function allReady(services: Service[]): Promise<boolean> {
  return (await Promise.all(services.map(isReady))).every((ready) => ready)
}

const isReady = ({ url }: Service): Promise<boolean> =>
  fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(2_000) }).then(
    async (answer) => {
      await answer.body?.cancel()
      return answer.status === 200
    },
    () => false,
  )
