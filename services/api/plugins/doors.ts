import { once } from 'node:events'
import { type AddressInfo, createServer, type Server } from 'node:net'
import type { Logger } from '@ordermill/telemetry'
import type { FastifyInstance } from 'fastify'

/**
 * How many sockets listen on the port. libuv takes one connection from each every time round its loop (libuv/libuv#3696), and with
 * hundreds of connections at work a round takes tens of milliseconds: with one socket new connections, those of probes among them,
 * wait for seconds. Measured, 400 busy connections, 500 new ones, until half of those are answered: 1 socket 22.7 s, 8: 2.5 s, 32: 0.7 s.
 */
const doors = 32

interface Address {
  host: string
  /** 0: any that is free. */
  port: number
}

/** Gives how to listen: by many sockets on Linux, which spreads connections over them; elsewhere by one. They close with the app. */
export function doorsPlugin(app: FastifyInstance, log: Logger): (at: Address) => Promise<string> {
  const { server } = app
  const others: Server[] = []
  app.addHook('preClose', async () => {
    for (const door of others) door.close()
  })
  return async (at) => {
    const reusePort = process.platform === 'linux'
    if (reusePort && at.port !== 0) await assertFree(at)
    const shared = { ...at, reusePort }
    const url = await app.listen(shared)
    const { address: host, port } = server.address() as AddressInfo
    for (let opened = 1; reusePort && opened < doors; opened += 1) {
      const door = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => server.emit('connection', socket))
      door.on('error', (err) => log.warn({ err }, 'one socket less listens'))
      others.push(door.listen({ host, port, reusePort }))
    }
    return url
  }
}

/** Ports may be shared by those who agree to it: this tells that somebody listens already. @throws Error EADDRINUSE, or what else forbids it */
async function assertFree(at: Address): Promise<void> {
  const door = createServer().listen(at)
  await once(door, 'listening')
  await new Promise((resolve) => door.close(resolve))
}
