import type { Redis } from 'ioredis'

/**
 * Sends the commands of one turn of the event loop in one write: the client makes a system call of each, and that was a sixth of what
 * accepting an order costs the API. Nothing waits for company: what is there when the turn ends is sent.
 */
export function joinWrites(redis: Redis): void {
  redis.on('connect', () => {
    const { stream } = redis
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
        setImmediate(send)
      }
      return write(...args)
    }) as typeof stream.write
  })
}
