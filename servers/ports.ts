import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'
import { ServerProblem } from './problem.ts'

/** A port a server listens on, and the environment variable that moves it (none: it was picked free). */
export type Port = { number: number; option?: string | undefined }

/** Where `npm start` listens, unless told otherwise: away from everybody's standard ports and from ephemeral ones. */
export const defaultPorts = {
  POSTGRES_PORT: 21432,
  REDIS_PORT: 21379,
  RABBITMQ_PORT: 21672,
  RABBITMQ_MANAGEMENT_PORT: 21673,
  RABBITMQ_PROMETHEUS_PORT: 21692,
  ELASTICSEARCH_PORT: 21200,
} as const

/** The name of a port that can be chosen. */
export type PortOption = keyof typeof defaultPorts

/** Ports by the name of their option. */
export type Ports = Partial<Record<PortOption, number>>

/** Whether nobody listens on this port of the loopback interface (nor on the same port of all interfaces). */
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)))
  })
}

/**
 * A port nobody listens on. Taken at random from below the ephemeral range, so that no outgoing connection of
 * anybody can sit on it between this answer and its use.
 */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 100; tries++) {
    const port = randomInt(22_000, 32_000)
    if (await isFree(port)) return port
  }
  throw new ServerProblem(
    'PORT_TAKEN',
    'No free port was found between 22000 and 32000. End what listens there and start again.',
  )
}

/** Reads the port options from the environment over the defaults. Throws BAD_OPTION for what is no port. */
export function portsFrom(env: Record<string, string | undefined>): Ports {
  const ports: Ports = {}
  for (const [option, fallback] of Object.entries(defaultPorts) as [PortOption, number][]) {
    ports[option] = portFrom(env, option, fallback)
  }
  return ports
}

/** One port from the environment; unset means `fallback`. */
export function portFrom(env: Record<string, string | undefined>, option: string, fallback: number): number {
  const text = env[option]
  if (text === undefined || text === '') return fallback
  const port = Number(text)
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return port
  throw new ServerProblem(
    'BAD_OPTION',
    `${option} is "${text}", which is no port: give a whole number from 1 to 65535.`,
  )
}

/** Somebody else has a port. */
export class PortTaken extends ServerProblem {
  readonly port: Port

  constructor(title: string, port: Port) {
    const remedy = port.option
      ? `End what listens there, or set ${port.option} to another port.`
      : 'Start again: another port will be picked.'
    super('PORT_TAKEN', `${title} cannot have port ${port.number}: it is taken. ${remedy}`)
    this.port = port
  }
}
