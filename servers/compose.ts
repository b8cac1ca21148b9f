import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { ServerName } from './plan.ts'
import { toError } from './problem.ts'
import { type Env, findProgram, run } from './programs.ts'

const repository = dirname(import.meta.dirname)

/** What `docker compose config --format json` says of a service, as far as it matters here. */
type ComposeService = {
  environment?: Record<string, string | null>
  ports?: { target: number; published?: string | number }[]
}

/** Servers that Docker runs. */
export type Composed = { env: Record<string, string>; stop(): Promise<void> }

/**
 * Starts the servers of docker-compose.yml where a Docker engine answers (a client alone is no engine). Undefined
 * where it does not, or where that fails: `note` then says why, and the servers are started natively.
 */
export async function startComposed(
  names: readonly ServerName[],
  env: Env,
  tell: { log(line: string): void; note(line: string): void },
): Promise<Composed | undefined> {
  const docker = findProgram('docker', env)
  if (!docker || names.length === 0 || !existsSync(join(repository, 'docker-compose.yml'))) return undefined
  const call = (args: string[], timeout: number) => run(docker, args, { cwd: repository, timeout, env: { ...env } })
  try {
    await call(['version', '--format', '{{.Server.Version}}'], 5_000)
    await call(['compose', 'version'], 5_000)
  } catch {
    return undefined
  }
  try {
    tell.log('Starting the servers with Docker compose')
    const { stdout } = await call(['compose', 'config', '--format', 'json'], 30_000)
    const addresses = composedAddresses(
      names,
      (JSON.parse(stdout) as { services: Record<string, ComposeService> }).services,
    )
    await call(['compose', 'up', '--detach', '--wait', ...names], 600_000)
    return { env: addresses, stop: async () => void (await call(['compose', 'stop', ...names], 120_000)) }
  } catch (error) {
    tell.note(
      `Docker compose could not start the servers, so they run natively: ${toError(error).message.trim().split('\n').at(-1)}`,
    )
    return undefined
  }
}

/** The addresses of composed services on this machine: from their published ports and their users' names. */
export function composedAddresses(
  names: readonly ServerName[],
  services: Record<string, ComposeService>,
): Record<string, string> {
  const at = (name: ServerName, target: number): string => {
    const published = services[name]?.ports?.find((port) => port.target === target)?.published
    if (published === undefined) throw new Error(`docker-compose.yml publishes no port for ${name}:${target}`)
    return `127.0.0.1:${published}`
  }
  const value = (name: ServerName, variable: string, fallback: string): string =>
    encodeURIComponent(services[name]?.environment?.[variable] ?? fallback)
  const found: Record<ServerName, () => Record<string, string>> = {
    postgres: () => {
      const user = value('postgres', 'POSTGRES_USER', 'postgres')
      const password = value('postgres', 'POSTGRES_PASSWORD', '')
      return {
        POSTGRES_DSN: `postgres://${user}:${password}@${at('postgres', 5432)}/${value('postgres', 'POSTGRES_DB', user)}`,
      }
    },
    redis: () => ({ REDIS_ADDR: at('redis', 6379) }),
    rabbitmq: () => {
      const user = `${value('rabbitmq', 'RABBITMQ_DEFAULT_USER', 'guest')}:${value('rabbitmq', 'RABBITMQ_DEFAULT_PASS', 'guest')}`
      return {
        RABBITMQ_URL: `amqp://${user}@${at('rabbitmq', 5672)}`,
        RABBITMQ_MANAGEMENT_URL: `http://${user}@${at('rabbitmq', 15672)}`,
      }
    },
    elasticsearch: () => ({ ELASTICSEARCH_URL: `http://${at('elasticsearch', 9200)}` }),
  }
  return Object.assign({}, ...names.map((name) => found[name]()))
}
