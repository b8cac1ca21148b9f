import { randomUUID } from 'node:crypto'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { serversFolder } from './folders.ts'
import type { ServerName } from './plan.ts'
import { type ServerHandle, type ServerOptions, type Servers, startServers } from './start.ts'

/** A server of one's own: what it was started with, its address as variables, and the way to get rid of it. */
export type OwnServer = ServerHandle & {
  readonly env: Record<string, string>
  /** Ends it at once and removes its data. */
  remove(): Promise<void>
}

/** A cluster of one's own. */
export interface OwnCluster {
  readonly env: Record<string, string>
  readonly nodes: ServerHandle[]
  /** Ends it at once and removes its data. */
  remove(): Promise<void>
}

type OwnOptions = Pick<ServerOptions, 'env' | 'log' | 'ports' | 'pick' | 'restart' | 'guard'> & { dataDir?: string }

/**
 * Starts one server for a test to break: on a free port, with data of its own. Register `remove()` as teardown.
 * Throws ServerProblem when it cannot be had, Elasticsearch included.
 */
export async function startServer(name: ServerName, options: OwnOptions): Promise<OwnServer> {
  const started = await startOwn(name, options)
  const handle = started.servers[name]
  if (!handle) throw new Error(started.notes.join(' '))
  return Object.assign(Object.create(handle) as ServerHandle, {
    env: started.env,
    remove: () => started.discard(),
  })
}

/**
 * Starts a cluster of `count` nodes for a test to break; of Redis half of them are replicas, and the first half the masters.
 * Register `remove()` as teardown. Throws ServerProblem when it cannot be had.
 */
export async function startCluster(
  name: 'redis' | 'rabbitmq',
  count: number,
  options: OwnOptions,
): Promise<OwnCluster> {
  const { env, clusters, discard } = await startOwn(name, { ...options, nodes: { [name]: count } })
  return { env, nodes: clusters[name] ?? [], remove: () => discard() }
}

async function startOwn(name: ServerName, options: OwnOptions & Pick<ServerOptions, 'nodes'>): Promise<Servers> {
  const dataDir = options.dataDir ?? join(serversFolder(), `test-${process.pid}-${randomUUID().slice(0, 8)}`)
  const machine = Object.fromEntries(Object.entries(options.env).filter(([variable]) => !GIVEN.includes(variable)))
  return await startServers({ ...options, env: machine, dataDir, which: [name], brief: true }).catch(
    (error: unknown) => {
      rmSync(dataDir, { recursive: true, force: true })
      throw error
    },
  )
}

/** Of an own server the address of another must not be taken. */
const GIVEN = ['POSTGRES_DSN', 'REDIS_ADDR', 'RABBITMQ_URL', 'ELASTICSEARCH_URL']
