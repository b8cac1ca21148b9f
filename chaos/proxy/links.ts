import type { ServerName } from '@ordermill/servers'
import { freePort } from '../../servers/ports.ts'
import { startProxy, type TcpProxy } from './proxy.ts'

/** Who talks to which server: all processes of a kind share a way to it. */
export interface Link {
  kind: 'api' | 'worker'
  server: ServerName
}

const variables: Record<ServerName, string> = {
  redis: 'REDIS_ADDR',
  rabbitmq: 'RABBITMQ_URL',
  postgres: 'POSTGRES_DSN',
  elasticsearch: 'ELASTICSEARCH_URL',
}

/** Every link there may be. */
export const everyLink: readonly Link[] = (['api', 'worker'] as const).flatMap((kind) =>
  (Object.keys(variables) as ServerName[]).map((server) => ({ kind, server })),
)

/** A proxy on each link. */
export interface Links {
  /** @throws Error if there is no such server */
  proxy(link: Link): TcpProxy
  /** The addresses of the servers, for processes of this kind. */
  env(kind: Link['kind']): Record<string, string>
  close(): Promise<void>
}

/** Puts a proxy before each server that `env` names, for each kind of process; before clusters none. */
export async function openLinks(env: Record<string, string>): Promise<Links> {
  const opened: (Link & { proxy: TcpProxy; variable: string; address: string })[] = []
  for (const { kind, server } of everyLink) {
    const variable = variables[server]
    const address = env[variable]
    if (address === undefined || address.includes(',')) continue // nodes of a cluster name each other to who asks
    const { host, hostname, port } = new URL(address.includes('://') ? address : `tcp://${address}`)
    // Not any port of the system: while the proxy is down, that could be the near end of somebody's connection.
    const proxy = await startProxy({ host: hostname, port: Number(port) }, await freePort())
    opened.push({ kind, server, proxy, variable, address: address.replace(host, `127.0.0.1:${proxy.port}`) })
  }
  return {
    proxy({ kind, server }) {
      const found = opened.find((one) => one.kind === kind && one.server === server)
      if (found === undefined) throw new Error(`There is no link from ${kind} to ${server}`)
      return found.proxy
    },
    env: (kind) =>
      Object.fromEntries(opened.filter((one) => one.kind === kind).map(({ variable, address }) => [variable, address])),
    async close() {
      await Promise.all(opened.map(({ proxy }) => proxy.close()))
    },
  }
}
