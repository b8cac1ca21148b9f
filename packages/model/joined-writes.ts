import type { Writable } from 'node:stream'

/**
 * Sends what is written to a stream until `then` comes in one write: clients make a system call of each command, and those were a sixth
 * of what accepting an order costs. Nothing waits for company.
 * @param then calls back when all is written that goes together: by default when the turn of the event loop ends
 */
export function joinWrites(stream: Writable, then: (send: () => void) => void = setImmediate): void {
  const write = stream.write.bind(stream)
  let joining = false
  const send = () => {
    joining = false
    stream.uncork()
  }
  stream.write = ((...args: Parameters<typeof write>) => {
    if (!joining) {
      joining = true
      stream.cork()
      then(send)
    }
    return write(...args)
  }) as typeof stream.write
}
