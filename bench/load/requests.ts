import { orderBodies } from '../orders.ts'
import type { Requests } from './jobs.ts'

/** Gives the bytes of the next request, for ever. */
export function requestsOf(requests: Requests, url: string): () => Buffer {
  const { host } = new URL(url)
  let at = 0
  if (requests.kind === 'orders') {
    const bodies = orderBodies().map((body) => Buffer.from(body))
    const heads = bodies.map(
      ({ length }) =>
        `POST /api/orders HTTP/1.1\r\nhost: ${host}\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n`,
    )
    const whole = bodies.map((body, n) => Buffer.concat([Buffer.from(`${heads[n]}\r\n`), body]))
    if (!requests.keyed) return () => whole[at++ % whole.length] as Buffer
    const run = `bench-${process.pid}-${Date.now()}`
    return () => {
      const n = at++ % bodies.length
      return Buffer.concat([Buffer.from(`${heads[n]}idempotency-key: ${run}-${at}\r\n\r\n`), bodies[n] as Buffer])
    }
  }
  if (requests.kind === 'plain') {
    const whole = requests.requests.map(({ path, body }) => {
      if (body === undefined) return Buffer.from(`GET ${path} HTTP/1.1\r\nhost: ${host}\r\n\r\n`)
      const length = Buffer.byteLength(body)
      return Buffer.from(
        `POST ${path} HTTP/1.1\r\nhost: ${host}\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n${body}`,
      )
    })
    return () => whole[at++ % whole.length] as Buffer
  }
  const { paths, etags } = requests
  const whole = paths.map((path, n) => {
    const condition = etags === undefined ? '' : `if-none-match: ${etags[n]}\r\n`
    return Buffer.from(`GET ${path} HTTP/1.1\r\nhost: ${host}\r\n${condition}\r\n`)
  })
  return () => whole[at++ % whole.length] as Buffer
}
