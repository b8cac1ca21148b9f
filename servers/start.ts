import { mkdirSync, realpathSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { cacheBeside, planElasticsearch } from './elasticsearch.ts'
import { givenServers } from './given.ts'
import { alone, Group } from './group.ts'
import { Guard } from './guard.ts'
import { install, type Missing } from './install.ts'
import { holderOf, tryLock, unlock } from './lock.ts'
import { type Plan, type ServerName, type Site, serverNames } from './plan.ts'
import { freePort, type Port, type PortOption, type Ports, PortTaken } from './ports.ts'
import { findPostgres, planPostgres, postgresMissing } from './postgres.ts'
import { explainDisk, ServerProblem } from './problem.ts'
import type { Env } from './programs.ts'
import { findRabbitmq, planRabbitmq, rabbitmqMissing } from './rabbitmq.ts'
import { planRabbitmqCluster } from './rabbitmq-cluster.ts'
import { findRedis, planRedis, redisMissing } from './redis.ts'
import { planRedisCluster } from './redis-cluster.ts'
import type { Supervised } from './supervisor.ts'

/** What to start, where and how. */
export type ServerOptions = {
  /** Data and logs: one subfolder and one log file a server. Downloads are cached beside it, in `cache/`. */
  dataDir: string
  which?: readonly ServerName[]
  /** Of Redis and RabbitMQ, several nodes as a cluster; of Redis an even number, half of them replicas. Always on free ports. */
  nodes?: { redis?: number; rabbitmq?: number }
  /** `free` (the default): any free port for each. Those named are fixed, the others free. */
  ports?: Ports | 'free'
  /** Picks the free ones (default: `freePort`). One that somebody takes before its server does is picked again. */
  pick?: () => Promise<number>
  /** Looked at for PATH, JAVA_HOME and servers already given by address. */
  env: Env
  /** Progress, one line at a time. */
  log?: (line: string) => void
  /** Start a server again when it dies by itself. Off by default: tests kill them on purpose. */
  restart?: boolean
  /** The list of what must not survive us; several starts may share one. */
  guard?: Guard
  /** For minutes, not for hours: Elasticsearch starts on half the CPU and stays slower than it can be. Off by default. */
  brief?: boolean
  /** Gives up starting: what is up already is stopped, and the promise is rejected. */
  signal?: AbortSignal
}

/** One server that was started here. */
export type ServerHandle = {
  readonly pid: number | undefined
  readonly url: string
  readonly logFile: string
  readonly dataDir: string
  /** Sends a signal; SIGKILL resolves when all its processes are gone. */
  kill(signal: NodeJS.Signals): Promise<void>
  stop(): Promise<void>
  start(): Promise<void>
}

/** All servers that were started or given. */
export type Servers = {
  /** POSTGRES_DSN, REDIS_ADDR, RABBITMQ_URL, RABBITMQ_MANAGEMENT_URL and ELASTICSEARCH_URL, as far as there are. */
  env: Record<string, string>
  /** Those started here; one that was given by address is not ours to stop. */
  servers: Partial<Record<ServerName, ServerHandle>>
  /** The nodes of those that were started as clusters. */
  clusters: Partial<Record<ServerName, ServerHandle[]>>
  /** What somebody starting this should know. */
  notes: string[]
  /** Stops those started here in order; their data stays. */
  stop(): Promise<void>
  /** Ends those started here at once; their data stays, as after a power cut. */
  kill(): Promise<void>
  /** Ends those started here at once and removes their data. */
  discard(): Promise<void>
}

/** How often free ports are picked for one server: between pick and use another process may be quicker. */
const MOST_PICKS = 5

type Place = Site & { cache: string }

const plans: Record<ServerName, (site: Place) => Promise<Plan>> = {
  postgres: planPostgres,
  redis: planRedis,
  rabbitmq: planRabbitmq,
  elasticsearch: planElasticsearch,
}

const programs: { name: ServerName; find(env: Env): string | undefined; missing: Missing }[] = [
  { name: 'postgres', find: findPostgres, missing: postgresMissing },
  { name: 'redis', find: findRedis, missing: redisMissing },
  { name: 'rabbitmq', find: findRabbitmq, missing: rabbitmqMissing },
]

/**
 * Finds or starts the servers, all at the same time but for clusters, and resolves when each answers. Elasticsearch is left out, with
 * a note, where it cannot be had; for any other the promise is rejected with a ServerProblem, and nothing stays running.
 */
export async function startServers(options: ServerOptions): Promise<Servers> {
  const { env, log = () => undefined, which = serverNames } = options
  const given = givenServers(env, which)
  const wanted = which.filter((name) => !given.names.includes(name))
  if (wanted.length === 0) {
    const nothing = async () => undefined
    return {
      env: given.env,
      servers: {},
      clusters: {},
      notes: given.notes,
      stop: nothing,
      kill: nothing,
      discard: nothing,
    }
  }

  const folder = openFolder(options.dataDir)
  const lock = join(folder, 'owner.lock')
  if (!takeLock(lock, folder)) throw alreadyRunning(folder, holderOf(lock)?.pid)
  const guard = options.guard ?? new Guard()
  const notes = [...given.notes]
  const running = new Map<ServerName, Group>()
  const stop = async (): Promise<void> => {
    await Promise.all([...running.values()].map((server) => server.stop()))
    if (!options.guard) guard.close()
    unlock(lock)
  }
  const giveUp = (): void => {
    for (const server of running.values()) void server.stop()
  }
  options.signal?.addEventListener('abort', giveUp)
  const site = {
    folder,
    cache: cacheBeside(folder),
    env,
    log,
    port: portPicker(options),
    brief: options.brief ?? false,
  }
  const startOne = async (name: ServerName, picks = MOST_PICKS): Promise<void> => {
    const server = new Group(await planOf(name, site, options.nodes), { guard, log, restart: options.restart ?? false })
    running.set(name, server)
    options.signal?.throwIfAborted()
    try {
      await server.start(options.signal)
    } catch (error) {
      const picked = error instanceof PortTaken && error.port.option === undefined
      if (picks === 1 || !picked) throw error
      await server.stop()
      await startOne(name, picks - 1)
    }
  }
  try {
    const missing = () =>
      programs.filter(({ name, find }) => wanted.includes(name) && !find(env)).map((program) => program.missing)
    await install(missing, env, log)
    const isCluster = (name: ServerName) => name in (options.nodes ?? {})
    // Clusters last: so many processes at once would keep the slowest of them from answering in time.
    for (const some of [wanted.filter((name) => !isCluster(name)), wanted.filter(isCluster)]) {
      const started = await Promise.allSettled(
        some.map((name) => startOne(name).catch((error: unknown) => goOnWithout(name, error, notes, running))),
      )
      for (const result of started) if (result.status === 'rejected') throw result.reason
    }
  } catch (error) {
    await stop()
    throw explainDisk(error, folder)
  } finally {
    options.signal?.removeEventListener('abort', giveUp)
  }
  const kill = async (): Promise<void> => {
    await Promise.all([...running.values()].map((server) => server.kill()))
  }
  const discard = async (): Promise<void> => {
    await kill()
    await stop()
    rmSync(folder, { recursive: true, force: true })
  }
  const variables = Object.assign({}, ...[...running.values()].map(({ plan }) => plan.variables))
  return { env: { ...given.env, ...variables }, ...handlesOf(running), notes, stop, kill, discard }
}

async function planOf(name: ServerName, site: Place, { redis, rabbitmq }: ServerOptions['nodes'] = {}) {
  if (name === 'redis' && redis !== undefined) return await planRedisCluster(site, redis)
  if (name === 'rabbitmq' && rabbitmq !== undefined) return await planRabbitmqCluster(site, rabbitmq)
  return alone(await plans[name](site))
}

function goOnWithout(name: ServerName, error: unknown, notes: string[], running: Map<ServerName, Group>): void {
  const optional = error instanceof ServerProblem && (error.code === 'JAVA_MISSING' || error.code === 'DOWNLOAD_FAILED')
  if (name !== 'elasticsearch' || !optional) throw error
  running.delete(name)
  notes.push(`No Elasticsearch, so search answers from Postgres. ${error.message}`)
}

function openFolder(dataDir: string): string {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o755 })
    return realpathSync(dataDir)
  } catch (error) {
    throw explainDisk(error, dataDir)
  }
}

function takeLock(lock: string, folder: string): boolean {
  try {
    return tryLock(lock)
  } catch (error) {
    throw explainDisk(error, folder)
  }
}

function alreadyRunning(folder: string, pid: number | undefined): ServerProblem {
  return new ServerProblem(
    'ALREADY_RUNNING',
    `Process ${pid ?? '(unknown)'} already runs the servers of ${folder}. Stop it first, or use the addresses in ${join(folder, 'env')}.`,
  )
}

function portPicker({ ports = 'free', pick = freePort }: ServerOptions): Site['port'] {
  const taken = new Set<number>()
  return async (option?: PortOption): Promise<Port> => {
    const fixed = option && ports !== 'free' ? ports[option] : undefined
    if (fixed !== undefined) return { number: fixed, option }
    for (;;) {
      const number = await pick()
      if (taken.has(number)) continue
      taken.add(number)
      return { number }
    }
  }
}

function handlesOf(running: Map<ServerName, Group>): Pick<Servers, 'servers' | 'clusters'> {
  const servers: Servers['servers'] = {}
  const clusters: Servers['clusters'] = {}
  for (const [name, { plan, nodes }] of running) {
    const handles = nodes.map(handleOf)
    const [first] = handles
    if (plan.isCluster) clusters[name] = handles
    else if (first) servers[name] = first
  }
  return { servers, clusters }
}

function handleOf(server: Supervised): ServerHandle {
  const { url, logFile, dataDir } = server.plan
  return {
    url,
    logFile,
    dataDir,
    get pid() {
      return server.pid
    },
    kill: (signal) => server.kill(signal),
    stop: () => server.stop(),
    start: () => server.start(),
  }
}
