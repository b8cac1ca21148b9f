import { Server } from 'node:http'
import { createServer, type ListenOptions, type Server as NetServer } from 'node:net'

/**
 * How many sockets listen on the port. libuv takes one connection from each every time round its loop (libuv/libuv#3696), and with
 * hundreds of connections at work a round takes tens of milliseconds: with one socket new connections, those of probes among them,
 * wait for seconds. Measured, 400 busy connections, 500 new ones, until half of those are answered: 1 socket 22.7 s, 8: 2.5 s,
 * 32: 0.7 s.
 */
const sockets = 32

/** Whether several sockets may listen on one port and the system spreads connections over them. */
export const reusePort = process.platform === 'linux'

/** A server of HTTP with several sockets that listen on its port. */
export class MultiSocketServer extends Server {
  readonly #others: NetServer[] = []

  /** Has the other sockets listen `at` where it listens itself; resolves when they do. Told is why one does not. */
  async listenOthers(at: Pick<ListenOptions, 'host' | 'port'>, onError: (error: Error) => void): Promise<void> {
    const others = reusePort ? Array.from({ length: sockets - 1 }, () => this.#other()) : []
    this.#others.push(...others)
    const listening = others.map(
      (other) =>
        new Promise<void>((resolve) => {
          other.on('error', (error) => {
            onError(error)
            resolve()
          })
          other.listen({ ...at, reusePort }, resolve)
        }),
    )
    await Promise.all(listening)
  }

  /** Takes no more connections; calls back when all that there are have ended, whichever socket they came through. */
  override close(callback?: (error?: Error) => void): this {
    const others = this.#others.map((other) => new Promise((resolve) => other.close(resolve)))
    return super.close((error) => void Promise.all(others).then(() => callback?.(error)))
  }

  #other(): NetServer {
    return createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.emit('connection', socket))
  }
}
