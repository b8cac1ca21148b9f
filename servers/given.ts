import type { ServerName } from './plan.ts'
import type { Env } from './programs.ts'

const VARIABLE: Record<ServerName, string> = {
  postgres: 'POSTGRES_DSN',
  redis: 'REDIS_ADDR',
  rabbitmq: 'RABBITMQ_URL',
  elasticsearch: 'ELASTICSEARCH_URL',
}

/** Servers whose address the environment already holds: they are used as they are, and never stopped. */
export function givenServers(
  env: Env,
  which: readonly ServerName[],
): { names: ServerName[]; env: Record<string, string>; notes: string[] } {
  const names = which.filter((name) => Boolean(env[VARIABLE[name]]))
  const variables = names.map((name) => VARIABLE[name])
  if (names.includes('rabbitmq') && env.RABBITMQ_MANAGEMENT_URL) variables.push('RABBITMQ_MANAGEMENT_URL')
  const found = Object.fromEntries(variables.map((variable) => [variable, env[variable] ?? '']))
  const notes =
    names.length > 0 ? [`Used as given by the environment: ${names.map((name) => VARIABLE[name]).join(', ')}.`] : []
  return { names, env: found, notes }
}
