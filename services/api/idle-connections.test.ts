import { once } from 'node:events'
import { createServer } from 'node:http'
import {
  type AddressInfo,
  connect,
  createServer as createNetServer,
  type Server as NetServer,
  type Socket,
} from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { environment } from '@ordermill/config'
import { corner } from '@ordermill/servers/testing'
import t from 'tap'
import { get, startTestApi } from '../testing.ts'
import { closeIdle } from './idle-connections.ts'

const limits = { kept_ms: 400, busy_ms: 1_200, every_ms: 50 }
/** Later than a limit by two looks, and what a busy machine takes. */
const late_ms = 2 * limits.every_ms + 300

/** A server that answers `/slow` after a second and `/never` never. */
const server = createServer((request, response) => {
  if (request.url === '/never') return
  setTimeout(() => response.end('x'), request.url === '/slow' ? 1_000 : 0)
})
closeIdle(server, limits)
server.listen(0, '127.0.0.1')
await once(server, 'listening')
t.teardown(() => server.close())

const opened = async (to: NetServer = server): Promise<{ socket: Socket; said(): string; ask(path: string): void }> => {
  const socket = connect((to.address() as AddressInfo).port, '127.0.0.1')
  await once(socket, 'connect')
  let said = ''
  socket.on('data', (data: Buffer) => {
    said += data.toString()
  })
  return { socket, said: () => said, ask: (path) => socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`) }
}
/** How long it takes until it is closed, from now on. */
const closedAfter = async (socket: Socket): Promise<number> => {
  const from = performance.now()
  await once(socket, 'close')
  return performance.now() - from
}

t.test('a connection that is kept is closed when nothing comes for as long as was announced, not before', async (t) => {
  const { socket, said, ask } = await opened()
  ask('/')
  const after_ms = await closedAfter(socket)
  t.match(said(), /^HTTP\/1\.1 200 /)
  t.ok(after_ms >= limits.kept_ms, `after ${after_ms} ms`)
  t.ok(after_ms <= limits.kept_ms + late_ms, `after ${after_ms} ms`)
})

t.test('one that is used again and again stays', async (t) => {
  const { socket, said, ask } = await opened()
  for (let n = 0; n < 8; n += 1) {
    ask('/')
    await sleep(limits.kept_ms / 2)
  }
  t.equal(said().match(/HTTP\/1\.1 200 /g)?.length, 8)
  t.notOk(socket.closed)
  socket.destroy()
})

t.test('while a request is in hand the longer limit holds', async (t) => {
  const [slow, never] = [await opened(), await opened()]
  slow.ask('/slow')
  never.ask('/never')
  const after_ms = await closedAfter(never.socket)
  t.ok(after_ms >= limits.busy_ms && after_ms <= limits.busy_ms + late_ms, `after ${after_ms} ms`)
  t.match(slow.said(), /^HTTP\/1\.1 200 /)
  t.equal(never.said(), '')
})

t.test('also once the server is closed, what came to it through another socket', async (t) => {
  const own = createServer((_request, response) => response.end('x'))
  closeIdle(own, limits)
  own.listen(0, '127.0.0.1')
  const other = createNetServer({ allowHalfOpen: true }, (socket) => own.emit('connection', socket)).listen(
    0,
    '127.0.0.1',
  )
  await Promise.all([once(own, 'listening'), once(other, 'listening')])
  t.teardown(() => other.close())
  const { socket, said, ask } = await opened(other)
  ask('/')
  own.close()
  await once(own, 'close')
  const after_ms = await closedAfter(socket)
  t.match(said(), /^HTTP\/1\.1 200 /)
  t.ok(after_ms <= limits.kept_ms + late_ms, `after ${after_ms} ms`)
})

t.test('the API says for how long it keeps a connection', async (t) => {
  const { env } = await corner(t, environment())
  const { url } = await startTestApi(t, env)
  const { headers } = await get(`${url}/health/live`)
  t.equal(headers.get('keep-alive'), 'timeout=72')
  t.equal(headers.get('connection'), 'keep-alive')
})
