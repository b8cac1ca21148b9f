import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import type { Logger } from '@ordermill/telemetry'
import type { FastifyInstance } from 'fastify'
import { MultiSocketServer, reusePort } from '../multi-socket-server.ts'

interface Address {
  host: string
  /** 0: any that is free. */
  port: number
}

/** Gives how to listen: by several sockets where the system spreads connections over them, elsewhere by one. */
export const listeningPlugin =
  (app: FastifyInstance, log: Logger) =>
  async (at: Address): Promise<string> => {
    const { server } = app
    if (!(server instanceof MultiSocketServer)) throw new Error('the server has one socket')
    if (reusePort && at.port !== 0) await assertFree(at)
    const shared = { ...at, reusePort }
    const url = await app.listen(shared)
    const { address: host, port } = server.address() as AddressInfo
    await server.listenOthers({ host, port }, (err) => log.warn({ err }, 'one socket less listens'))
    return url
  }

/**
 * Tells that somebody listens already: a port may be shared by all who agree to it.
 * @throws Error EADDRINUSE, or what else forbids it
 */
async function assertFree(at: Address): Promise<void> {
  const probe = createServer().listen(at)
  await once(probe, 'listening')
  await new Promise((resolve) => probe.close(resolve))
}
