import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { accountOf, ownFile, ownFolder } from './account.ts'
import type { Missing } from './install.ts'
import type { Plan, Site } from './plan.ts'
import type { Port, PortOption } from './ports.ts'
import { type Env, findProgram, foldersLike, pathOf } from './programs.ts'

const NAME = 'ordermill'

/** What to install when there is no RabbitMQ. */
export const rabbitmqMissing: Missing = {
  title: 'RabbitMQ',
  aptPackage: 'rabbitmq-server',
  hint: 'RabbitMQ 3.10 or later (https://www.rabbitmq.com/docs/download)',
}

/** The broker's start script: not Debian's wrapper of the same name, which insists on a user and a home of its own. */
export function findRabbitmq(env: Env): string | undefined {
  return findProgram('rabbitmq-server', env, ['/usr/lib/rabbitmq/bin'])
}

function epmdOf(env: Env): string {
  const folders = ['/usr/lib/erlang/erts-*/bin', '/usr/local/lib/erlang/erts-*/bin'].flatMap(foldersLike)
  return findProgram('epmd', env, folders) ?? 'epmd'
}

/** RabbitMQ on loopback with its management and Prometheus plugins, a node and a name service (epmd) of its own. */
export async function planRabbitmq(site: Site): Promise<Plan> {
  const epmd = await site.port()
  const ports = await nodePorts(site, ['RABBITMQ_PORT', 'RABBITMQ_MANAGEMENT_PORT', 'RABBITMQ_PROMETHEUS_PORT'])
  const plan = rabbitmqNode(site, { name: 'rabbitmq', title: 'RabbitMQ', node: `${NAME}@localhost`, ports, epmd })
  return {
    ...plan,
    // The name service is a part of the broker's process group, so that it starts and ends with it.
    command: '/bin/sh',
    args: [
      '-c',
      '"$1" -address 127.0.0.1 -port "$2" & exec "$3"',
      'sh',
      epmdOf(site.env),
      String(epmd.number),
      plan.command,
    ],
    ports: [...plan.ports, epmd],
  }
}

/** The name service alone, for several nodes: it does not end with one of them. */
export function planNames(site: Site, epmd: Port): Plan {
  const account = accountOf('rabbitmq')
  const dataDir = join(site.folder, 'rabbitmq-names')
  return {
    name: 'rabbitmq-names',
    title: "RabbitMQ's name service",
    command: epmdOf(site.env),
    args: ['-address', '127.0.0.1', '-port', String(epmd.number)],
    env: { PATH: pathOf(site.env) },
    account,
    dataDir,
    logFile: join(site.folder, 'rabbitmq-names.log'),
    ports: [epmd],
    url: `127.0.0.1:${epmd.number}`,
    variables: {},
    stopSignal: 'SIGTERM',
    stopTimeoutMs: 5_000,
    readyTimeoutMs: 10_000,
    prepare: async () => void ownFolder(dataDir, account),
    ready: (signal) =>
      new Promise((resolve, reject) => {
        const socket = connect({ port: epmd.number, host: '127.0.0.1', signal })
        socket.once('error', reject).once('connect', () => resolve(void socket.destroy()))
      }),
  }
}

/** The ports of one node: for clients, the management page, Prometheus, and other nodes. */
export type NodePorts = Record<'amqp' | 'management' | 'prometheus' | 'distribution', Port>

export async function nodePorts(site: Site, options: (PortOption | undefined)[] = []): Promise<NodePorts> {
  const [amqp, management, prometheus, distribution] = await Promise.all(
    [options[0], options[1], options[2], undefined].map((option) => site.port(option)),
  )
  if (!amqp || !management || !prometheus || !distribution) throw new Error('four ports were asked for')
  return { amqp, management, prometheus, distribution }
}

interface Node extends Pick<Plan, 'name' | 'title'> {
  /** How nodes call each other. */
  node: string
  ports: NodePorts
  /** Where its name service is. */
  epmd: Port
  /** Goes after its configuration. */
  settings?: string[]
  /** Go to the Erlang machine. */
  flags?: string[]
  /** What nodes prove to each other that they belong together with. */
  cookie?: string
}

/** What it says in the environment goes to the Erlang machine as well. */
export const flagsVariable = 'RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS'

/**
 * Schedulers that have nothing to do sleep, instead of looking for work for a while: other servers need the cores.
 * (RabbitMQ's guide "Runtime Tuning", section "CPU Resources and Busy Waiting".)
 */
const noBusyWait = '+sbwt none +sbwtdcpu none +sbwtdio none'

/** Nodes and tools talk to each other on loopback alone; by itself that port is open on all interfaces. */
const onLoopback = '-kernel inet_dist_use_interface {127,0,0,1}'

/** One broker process, alone or in a cluster; its name service has to run. */
export function rabbitmqNode(
  site: Site,
  { name, title, node, ports, epmd, settings = [], flags = [], cookie }: Node,
): Plan {
  const account = accountOf('rabbitmq')
  const dataDir = join(site.folder, name)
  const url = `amqp://${NAME}:${NAME}@127.0.0.1:${ports.amqp.number}`
  const managementUrl = `http://127.0.0.1:${ports.management.number}`
  return {
    name,
    title,
    command: findRabbitmq(site.env) ?? '',
    args: [],
    env: {
      ...environment(site.env, { dataDir, node, distribution: ports.distribution.number, epmd: epmd.number }),
      [flagsVariable]: [noBusyWait, onLoopback, ...flags, site.env[flagsVariable] ?? ''].join(' ').trim(),
    },
    account,
    dataDir,
    logFile: join(site.folder, `${name}.log`),
    ports: Object.values(ports),
    url,
    variables: {
      RABBITMQ_URL: url,
      RABBITMQ_MANAGEMENT_URL: `http://${NAME}:${NAME}@127.0.0.1:${ports.management.number}`,
    },
    stopSignal: 'SIGTERM',
    stopTimeoutMs: 20_000,
    readyTimeoutMs: 90_000,
    async prepare() {
      ownFolder(dataDir, account)
      const home = ownFolder(join(dataDir, 'home'), account)
      if (cookie !== undefined) ownFile(join(home, '.erlang.cookie'), cookie, account)
      writeFileSync(join(dataDir, 'rabbitmq.conf'), configuration(ports, settings))
      writeFileSync(join(dataDir, 'enabled_plugins'), '[rabbitmq_management,rabbitmq_prometheus].\n')
      writeFileSync(join(dataDir, 'rabbitmq-env.conf'), '')
    },
    async ready(signal) {
      await greet(ports.amqp.number, signal)
      const authorization = `Basic ${Buffer.from(`${NAME}:${NAME}`).toString('base64')}`
      const answer = await fetch(`${managementUrl}/api/health/checks/local-alarms`, {
        signal,
        headers: { authorization, connection: 'close' },
      })
      await answer.body?.cancel()
      // 503 tells of an alarm (little disk, little memory): the broker is up, and says so itself to publishers.
      if (answer.status !== 200 && answer.status !== 503) throw new Error(`management answers ${answer.status}`)
    },
  }
}

interface Place {
  dataDir: string
  node: string
  distribution: number
  epmd: number
}

function environment(env: Env, { dataDir, node, distribution, epmd }: Place): Record<string, string> {
  return {
    PATH: pathOf(env),
    LANG: 'C.UTF-8',
    HOME: join(dataDir, 'home'),
    RABBITMQ_NODENAME: node,
    RABBITMQ_CONF_ENV_FILE: join(dataDir, 'rabbitmq-env.conf'),
    RABBITMQ_CONFIG_FILE: join(dataDir, 'rabbitmq.conf'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(dataDir, 'enabled_plugins'),
    RABBITMQ_MNESIA_BASE: join(dataDir, 'data'),
    RABBITMQ_LOG_BASE: join(dataDir, 'log'),
    RABBITMQ_PID_FILE: join(dataDir, 'broker.pid'),
    RABBITMQ_LOGS: '-',
    RABBITMQ_DIST_PORT: String(distribution),
    ERL_EPMD_ADDRESS: '127.0.0.1',
    ERL_EPMD_PORT: String(epmd),
    // Its start script then replaces itself by the broker, so that the pid we know is the broker's.
    RUNNING_UNDER_SYSTEMD: 'true',
  }
}

function configuration({ amqp, management, prometheus }: NodePorts, settings: string[]): string {
  return [
    `listeners.tcp.1 = 127.0.0.1:${amqp.number}`,
    'management.tcp.ip = 127.0.0.1',
    `management.tcp.port = ${management.number}`,
    'prometheus.tcp.ip = 127.0.0.1',
    `prometheus.tcp.port = ${prometheus.number}`,
    `default_user = ${NAME}`,
    `default_pass = ${NAME}`,
    'default_user_tags.administrator = true',
    'disk_free_limit.absolute = 100MB',
    'log.console.level = info',
    ...settings,
    '',
  ].join('\n')
}

/** Throws unless the broker answers an AMQP 0-9-1 greeting with its first frame, a method. */
function greet(port: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', signal })
    socket.once('error', reject)
    socket.once('close', () => reject(new Error('closed without an answer')))
    socket.once('data', (data) => {
      if (data[0] === 1) resolve()
      else reject(new Error('not AMQP 0-9-1'))
      socket.destroy()
    })
    socket.write(Buffer.from('AMQP\0\0\x09\x01', 'latin1'))
  })
}
