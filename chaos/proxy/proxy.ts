import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { type Connection, createConnection, type Standing } from './connection.ts'
import type { Toxic } from './toxics.ts'

/** A way to a server on which anything can happen to connections, as on a network. */
export interface TcpProxy {
  readonly port: number
  /** How many connections of clients there are. */
  connections(): number
  /** From now on these act on connections, open ones too, and no others; none: all is well. Of some, the seed says on which. */
  set(toxics: readonly Toxic[], seed?: number): void
  /** Nothing listens any more, and what was connected is closed. */
  down(): Promise<void>
  up(): Promise<void>
  close(): Promise<void>
}

/** Starts a proxy on loopback, on `port` or any free one. */
export async function startProxy(server: { host: string; port: number }, port = 0): Promise<TcpProxy> {
  const connections = new Set<Connection>()
  let standing: Standing = { toxics: [], seed: 1 }
  let count = 0
  const accept = (near: Socket) => {
    const connection = createConnection({
      near,
      server,
      standing: () => standing,
      number: ++count,
      onGone: () => connections.delete(connection),
    })
    connections.add(connection)
  }
  const listen = async (on: number): Promise<{ listener: Server; port: number }> => {
    const listener = createServer({ allowHalfOpen: true }, accept)
    await once(listener.listen(on, '127.0.0.1'), 'listening')
    const address = listener.address()
    if (address === null || typeof address === 'string') throw new Error('the proxy has no port')
    return { listener, port: address.port }
  }
  let now: Server | undefined
  const first = await listen(port)
  now = first.listener
  const down = async () => {
    const listener = now
    now = undefined
    if (listener === undefined) return
    const closed = once(listener, 'close')
    listener.close()
    for (const connection of connections) connection.end('reset')
    await closed
  }
  return {
    port: first.port,
    connections: () => connections.size,
    set(toxics, seed = 1) {
      standing = { toxics, seed }
      for (const connection of connections) connection.changed()
    },
    down,
    async up() {
      now ??= (await listen(first.port)).listener
    },
    close: down,
  }
}
