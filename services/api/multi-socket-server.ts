import { Server } from 'node:http'
import { createServer, type Server as Door, type ListenOptions } from 'node:net'

/**
 * How many sockets listen on the port. libuv takes one connection from each every time round its loop (libuv/libuv#3696), and with
 * hundreds of connections at work a round takes tens of milliseconds: with one socket new connections, those of probes among them,
 * wait for seconds. Measured, 400 busy connections, 500 new ones, until half of those are answered: 1 socket 22.7 s, 8: 2.5 s, 32: 0.7 s.
 */
const doors = 32

/** Whether several sockets may listen on one port and the system spreads connections over them. */
export const reusePort = process.platform === 'linux'

/** A server of HTTP whose port has many doors. */
export class ManyDoors extends Server {
  readonly #others: Door[] = []

  /** Opens the other doors. `at`: where it listens itself. */
  openOthers(at: Pick<ListenOptions, 'host' | 'port'>, onError: (error: Error) => void): void {
    for (let opened = 1; reusePort && opened < doors; opened += 1) {
      const door = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.emit('connection', socket))
      door.on('error', onError)
      this.#others.push(door.listen({ ...at, reusePort }))
    }
  }

  /** Takes no more connections; calls back when all that there are have ended, whichever door they came through. */
  override close(callback?: (error?: Error) => void): this {
    const others = this.#others.map((door) => new Promise((resolve) => door.close(resolve)))
    return super.close((error) => void Promise.all(others).then(() => callback?.(error)))
  }
}
