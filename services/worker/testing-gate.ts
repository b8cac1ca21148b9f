import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'

interface Teardown {
  teardown(handler: () => Promise<void> | void): void
}

/** The way of one worker to the search engine: what it writes is counted, and may be held up on the way. */
export async function startGate(t: Teardown, engine: string) {
  let writes = 0
  let opened = Promise.resolve()
  let open = () => {}
  const late: Promise<unknown>[] = []
  const pass = async (method: string, url: string, body: Buffer) => {
    const answer = await fetch(new URL(url, engine), {
      method,
      headers: { 'content-type': url.includes('/_bulk') ? 'application/x-ndjson' : 'application/json' },
      ...(body.length === 0 ? {} : { body: new Uint8Array(body) }),
    })
    return { status: answer.status, text: await answer.text() }
  }
  const server = createServer(async (request, response) => {
    const { method = 'GET', url = '/' } = request
    const body = await buffer(request)
    const isWrite = url.includes('/_bulk')
    if (isWrite) {
      writes += 1
      await opened
    }
    const passed = pass(method, url, body)
    if (isWrite) late.push(passed)
    const { status, text } = await passed
    response.writeHead(status, { 'content-type': 'application/json', 'x-elastic-product': 'Elasticsearch' })
    response.end(text)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    open()
    server.closeAllConnections()
    server.close()
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** Calls that write, those that are held included. */
    writes: () => writes,
    hold() {
      opened = new Promise((resolve) => {
        open = resolve
      })
    },
    /** Lets through what was held, and waits until the engine has answered. */
    async release() {
      const before = late.length
      open()
      await opened
      await new Promise(setImmediate)
      await Promise.all(late.slice(before))
    },
  }
}
