import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { accountOf, ownFolder } from './account.ts'
import type { Missing } from './install.ts'
import type { Plan, Site } from './plan.ts'
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

function findEpmd(env: Env): string | undefined {
  return findProgram('epmd', env, [
    ...foldersLike('/usr/lib/erlang/erts-*/bin'),
    ...foldersLike('/usr/local/lib/erlang/erts-*/bin'),
  ])
}

/** RabbitMQ on loopback with its management and Prometheus plugins, a node and a name service (epmd) of its own. */
export async function planRabbitmq(site: Site): Promise<Plan> {
  const account = accountOf('rabbitmq')
  const dataDir = join(site.folder, 'rabbitmq')
  const [amqp, management, prometheus, distribution, epmd] = await Promise.all([
    site.port('RABBITMQ_PORT'),
    site.port('RABBITMQ_MANAGEMENT_PORT'),
    site.port('RABBITMQ_PROMETHEUS_PORT'),
    site.port(),
    site.port(),
  ])
  const url = `amqp://${NAME}:${NAME}@127.0.0.1:${amqp.number}`
  const managementUrl = `http://127.0.0.1:${management.number}`
  const config = { amqp: amqp.number, management: management.number, prometheus: prometheus.number }
  return {
    name: 'rabbitmq',
    title: 'RabbitMQ',
    // The name service is a part of the broker's process group, so that it starts and ends with it.
    command: '/bin/sh',
    args: [
      '-c',
      '"$1" -address 127.0.0.1 -port "$2" & exec "$3"',
      'sh',
      findEpmd(site.env) ?? 'epmd',
      String(epmd.number),
      findRabbitmq(site.env) ?? '',
    ],
    env: environment(site.env, dataDir, distribution.number, epmd.number),
    account,
    dataDir,
    logFile: join(site.folder, 'rabbitmq.log'),
    ports: [amqp, management, prometheus, distribution, epmd],
    url,
    variables: { RABBITMQ_URL: url, RABBITMQ_MANAGEMENT_URL: `http://${NAME}:${NAME}@127.0.0.1:${management.number}` },
    stopSignal: 'SIGTERM',
    stopTimeoutMs: 20_000,
    readyTimeoutMs: 90_000,
    async prepare() {
      ownFolder(dataDir, account)
      ownFolder(join(dataDir, 'home'), account)
      writeFileSync(join(dataDir, 'rabbitmq.conf'), configuration(config))
      writeFileSync(join(dataDir, 'enabled_plugins'), '[rabbitmq_management,rabbitmq_prometheus].\n')
      writeFileSync(join(dataDir, 'rabbitmq-env.conf'), '')
    },
    async ready(signal) {
      await greet(amqp.number, signal)
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

function environment(env: Env, dataDir: string, distribution: number, epmd: number): Record<string, string> {
  return {
    PATH: pathOf(env),
    LANG: 'C.UTF-8',
    HOME: join(dataDir, 'home'),
    RABBITMQ_NODENAME: `${NAME}@localhost`,
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

function configuration(ports: { amqp: number; management: number; prometheus: number }): string {
  return [
    `listeners.tcp.1 = 127.0.0.1:${ports.amqp}`,
    'management.tcp.ip = 127.0.0.1',
    `management.tcp.port = ${ports.management}`,
    'prometheus.tcp.ip = 127.0.0.1',
    `prometheus.tcp.port = ${ports.prometheus}`,
    `default_user = ${NAME}`,
    `default_pass = ${NAME}`,
    'default_user_tags.administrator = true',
    'disk_free_limit.absolute = 100MB',
    'log.console.level = info',
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
