import { connect } from 'node:net'
import { join } from 'node:path'
import { accountOf, ownFolder, ownTree } from './account.ts'
import type { Missing } from './install.ts'
import type { Plan, Site } from './plan.ts'
import type { Port } from './ports.ts'
import { type Env, findProgram, pathOf } from './programs.ts'

/** What to install when there is no Redis. */
export const redisMissing: Missing = {
  title: 'Redis',
  aptPackage: 'redis-server',
  hint: 'Redis 6.2 or later (https://redis.io/docs/latest/operate/oss_and_stack/install/)',
}

/** The Redis server's program; undefined when there is none. */
export function findRedis(env: Env): string | undefined {
  return findProgram('redis-server', env)
}

/** Redis on loopback with its append-only file, synced every second, which never evicts a key. */
export async function planRedis(site: Site): Promise<Plan> {
  return redisNode(site, { name: 'redis', title: 'Redis', ports: [await site.port('REDIS_PORT')] })
}

/**
 * The append-only file is not written anew before it is that large. By itself that is 64 MB, which a few seconds of load fill: each time
 * Redis forks, and costs half as much again while it copies what both share. A start may have that much more to read.
 */
const rewriteMin = '256mb'

type Node = Pick<Plan, 'name' | 'title'> & {
  /** Where it listens, then what else it takes. */
  ports: [Port, ...Port[]]
  settings?: Record<string, string>
}

/** One Redis process, alone or in a cluster. */
export function redisNode(site: Site, { name, title, ports, settings = {} }: Node): Plan {
  const account = accountOf('redis')
  const dataDir = join(site.folder, name)
  const [port] = ports
  const values = {
    bind: '127.0.0.1',
    port: String(port.number),
    dir: dataDir,
    appendonly: 'yes',
    appendfsync: 'everysec',
    'maxmemory-policy': 'volatile-lru',
    save: '',
    'auto-aof-rewrite-min-size': rewriteMin,
    daemonize: 'no',
    logfile: '',
    ...settings,
  }
  return {
    name,
    title,
    command: findRedis(site.env) ?? 'redis-server',
    args: Object.entries(values).flatMap(([name, value]) => [`--${name}`, value]),
    env: { PATH: pathOf(site.env) },
    account,
    dataDir,
    logFile: join(site.folder, `${name}.log`),
    ports,
    url: `redis://127.0.0.1:${port.number}`,
    variables: { REDIS_ADDR: `127.0.0.1:${port.number}` },
    stopSignal: 'SIGTERM',
    stopTimeoutMs: 15_000,
    readyTimeoutMs: 60_000,
    async prepare() {
      ownTree(ownFolder(dataDir, account), account)
    },
    ready: (signal) => ping(port.number, signal),
  }
}

/** Throws unless PONG comes back: while the append-only file is being read, the answer is LOADING. */
function ping(port: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', signal })
    socket.once('error', reject)
    socket.once('close', () => reject(new Error('closed without an answer')))
    socket.once('data', (data) => {
      if (data.toString().startsWith('+PONG')) resolve()
      else reject(new Error(data.toString().trim()))
      socket.destroy()
    })
    socket.write('PING\r\n')
  })
}
