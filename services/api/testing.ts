import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

interface Teardown {
  teardown(handler: () => Promise<void> | void): void
}

/** Sends bytes as they are and gives all that is answered until the server closes the connection. */
export async function raw(url: string, ...parts: string[]): Promise<string> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  let said = ''
  socket.on('data', (data: Buffer) => {
    said += data.toString()
  })
  socket.on('error', () => undefined) // the server may close while we still send: what it said counts
  for (const part of parts) socket.write(part)
  await new Promise<void>((resolve) => socket.once('close', () => resolve()))
  return said
}

/** A way to a server that can be cut: connections through it end, and new ones are refused until `mend()`. `onSent` hears what goes there. */
export async function severable(t: Teardown, host: string, port: number, onSent?: (data: Buffer) => void) {
  const sockets = new Set<Socket>()
  let cut = false
  const server = createServer((near) => {
    if (cut) return void near.destroy()
    const far = connect(port, host)
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one)
      one.on('error', () => undefined)
      one.on('close', () => {
        sockets.delete(one)
        other.destroy()
      })
    }
    if (onSent !== undefined) near.on('data', onSent)
    near.pipe(far).pipe(near)
  })
  const close = () => {
    for (const socket of sockets) socket.destroy()
  }
  t.teardown(() => {
    close()
    server.close()
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const at = server.address()
  if (at === null || typeof at === 'string') throw new Error('no port')
  return {
    port: at.port,
    cut() {
      cut = true
      close()
    },
    mend() {
      cut = false
    },
  }
}

/** The status line of a raw answer. */
export const firstLine = (said: string): string => said.split('\r\n')[0] ?? ''
