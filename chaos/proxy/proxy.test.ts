import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { until } from '../../servers/testing.ts'
import { startProxy } from './proxy.ts'
import { resetNow } from './reset.ts'

/** A server that says everything again, and what was sent to it. */
const heard: string[] = []
const sessions = new Set<Socket>()
const server = createServer({ allowHalfOpen: true }, (socket) => {
  sessions.add(socket)
  socket.on('data', (bytes) => heard.push(bytes.toString()))
  socket.on('error', () => undefined)
  socket.on('close', () => sessions.delete(socket))
  socket.pipe(socket)
})
await once(server.listen(0, '127.0.0.1'), 'listening')
const { port } = server.address() as AddressInfo
const proxy = await startProxy({ host: '127.0.0.1', port })
t.teardown(async () => {
  await proxy.close()
  server.close()
})
t.beforeEach(async () => {
  proxy.set([])
  heard.length = 0
})
t.afterEach(() => until('the server has no client', () => sessions.size === 0))

/** A client of the proxy, what it was told so far, and in how many pieces. */
const client = async (t: Test) => {
  const socket = connect({ port: proxy.port, host: '127.0.0.1', allowHalfOpen: true })
  const told: Buffer[] = []
  const state = { ended: false, error: undefined as string | undefined }
  socket.on('data', (bytes) => told.push(bytes))
  socket.on('end', () => {
    state.ended = true
  })
  socket.on('error', (error: NodeJS.ErrnoException) => {
    state.error = error.code
  })
  t.teardown(() => socket.destroy())
  await once(socket, 'connect')
  return { socket, state, told: () => Buffer.concat(told).toString(), pieces: () => told.length }
}
type Client = Awaited<ReturnType<typeof client>>
const answered = (one: Client, text: string) => until(`the answer ${text}`, () => one.told() === text, 2_000)
const took = async (work: Promise<unknown>) => {
  const began = performance.now()
  await work
  return performance.now() - began
}
/** Time for what is sent to arrive where it may: as long as it takes with nothing in between, several times over. */
const whileItPasses = async () => {
  for (let times = 0; times < 5; times += 1) {
    const direct = connect({ port, host: '127.0.0.1' })
    direct.write('direct')
    await once(direct, 'data')
    const { localPort } = direct
    direct.destroy()
    await until('it is gone', () => [...sessions].every(({ remotePort }) => remotePort !== localPort))
  }
}
const silence = { type: 'timeout', timeout_ms: 0, stream: 'both' } as const
const cut = { type: 'bandwidth', bytes_per_second: 0, stream: 'both' } as const

t.test('with no toxic bytes pass whole both ways, and so does the end of each stream by itself', async (t) => {
  const one = await client(t)
  const text = 'x'.repeat(3_000_000)
  one.socket.end(text)
  await until('all is back', () => one.told().length === text.length && one.state.ended)
  t.equal(one.told(), text)
  await until('it is gone', () => proxy.connections() === 0)
})

t.test('latency delays every byte and keeps their order, jitter or not, on connections that are open', async (t) => {
  const one = await client(t)
  one.socket.write('0')
  await answered(one, '0')
  proxy.set([{ type: 'latency', latency_ms: 100, jitter_ms: 50, stream: 'upstream' }])
  const elapsed_ms = await took(
    (async () => {
      for (let n = 1; n < 10; n += 1) {
        one.socket.write(String(n))
        await new Promise(setImmediate)
      }
      await answered(one, '0123456789')
    })(),
  )
  t.ok(elapsed_ms > 80 && elapsed_ms < 600, `${elapsed_ms} ms: one after the other without waiting for each other`)
})

t.test('bandwidth lets so much pass; none at all keeps what was sent until it is over', async (t) => {
  const one = await client(t)
  proxy.set([{ type: 'bandwidth', bytes_per_second: 100_000, stream: 'downstream' }])
  const text = 'y'.repeat(20_000)
  one.socket.write(text)
  const elapsed_ms = await took(answered(one, text))
  t.ok(elapsed_ms > 120 && elapsed_ms < 1_000, `${elapsed_ms} ms`)
  proxy.set([cut])
  one.socket.write('z')
  const fresh = await client(t)
  fresh.socket.write('fresh')
  await whileItPasses()
  t.equal(one.told(), text)
  t.equal(sessions.size, 1, 'one that is new does not even reach the server')
  proxy.set([])
  await answered(one, `${text}z`)
  await answered(fresh, 'fresh')
})

t.test('slow_close delays the end alone', async (t) => {
  const one = await client(t)
  proxy.set([{ type: 'slow_close', delay_ms: 100, stream: 'downstream' }])
  one.socket.end('bye')
  const elapsed_ms = await took(answered(one, 'bye').then(() => until('its end', () => one.state.ended)))
  t.ok(elapsed_ms >= 99, `${elapsed_ms} ms`)
})

t.test('timeout loses what is sent; those that it hit stay silent afterwards, new ones do not', async (t) => {
  const one = await client(t)
  one.socket.write('1')
  await answered(one, '1')
  proxy.set([silence])
  const fresh = await client(t)
  one.socket.write('2')
  await whileItPasses()
  proxy.set([])
  one.socket.write('3')
  fresh.socket.write('3')
  const late = await client(t)
  late.socket.write('late')
  await answered(late, 'late')
  t.equal(one.told() + fresh.told(), '1')
  t.match(one.state, { ended: false, error: undefined })
  one.socket.end()
  await until('it is reset once it gives up', () => one.state.error === 'ECONNRESET')
})

t.test('timeout hears no end either, so that the server keeps its half; after its time it closes both', async (t) => {
  const one = await client(t)
  one.socket.write('1')
  await answered(one, '1')
  proxy.set([silence])
  one.socket.destroy()
  await whileItPasses()
  t.equal(sessions.size, 1)
  proxy.set([])
  await until('the server hears of it', () => sessions.size === 0)
  const other = await client(t)
  proxy.set([{ ...silence, timeout_ms: 50 }])
  t.ok((await took(until('its end', () => other.state.ended))) > 20)
})

t.test('one direction is silent alone, and from a text on that went the other way', async (t) => {
  const one = await client(t)
  proxy.set([{ type: 'timeout', timeout_ms: 0, after: 'COMMIT', stream: 'downstream' }])
  one.socket.write('BEGIN;')
  await answered(one, 'BEGIN;')
  one.socket.write('COMMIT;')
  await until('the server hears it', () => heard.includes('COMMIT;'))
  one.socket.write('more')
  await until('the server hears more', () => heard.includes('more'))
  await whileItPasses()
  t.equal(one.told(), 'BEGIN;')
})

t.test('reset_peer resets both ends after its time', async (t) => {
  const one = await client(t)
  one.socket.write('1')
  await answered(one, '1')
  proxy.set([{ type: 'reset_peer', timeout_ms: 30, stream: 'downstream' }])
  const elapsed_ms = await took(until('the reset', () => one.state.error === 'ECONNRESET'))
  t.ok(elapsed_ms > 25, `${elapsed_ms} ms`)
  await until('the server has none', () => sessions.size === 0)
  await until('the proxy has none', () => proxy.connections() === 0, 2_000)
})

t.test('a reset of the server reaches the client, and a server that is away resets', async (t) => {
  const one = await client(t)
  one.socket.write('1')
  await answered(one, '1')
  for (const session of sessions) session.resetAndDestroy()
  await until('the reset', () => one.state.error === 'ECONNRESET')
  const nowhere = await startProxy({ host: '127.0.0.1', port: 1 })
  t.teardown(() => nowhere.close())
  const lost = connect({ port: nowhere.port, host: '127.0.0.1' })
  t.match(await once(lost, 'error'), [{ code: 'ECONNRESET' }])
})

t.test('a reset closes at once, also what was just ended and what waits for the other end', async (t) => {
  for (const before of ['nothing', 'ended', 'written'] as const) {
    const { socket } = await client(t)
    if (before === 'ended') socket.end()
    if (before === 'written') socket.write('x'.repeat(5_000_000))
    const closed = once(socket, 'close', { signal: AbortSignal.timeout(2_000) })
    resetNow(socket)
    t.same(await closed, [false], before)
  }
})

t.test('slicer makes small pieces of what is sent, all of it', async (t) => {
  const one = await client(t)
  proxy.set([{ type: 'slicer', average_bytes: 10, variation_bytes: 5, delay_ms: 2, stream: 'downstream' }])
  const text = '0123456789'.repeat(10)
  one.socket.write(text)
  await answered(one, text)
  t.ok(one.pieces() >= 5, `${one.pieces()} pieces`)
})

t.test('limit_data closes after so many bytes', async (t) => {
  const one = await client(t)
  proxy.set([{ type: 'limit_data', bytes: 4, stream: 'downstream' }])
  one.socket.write('12')
  await answered(one, '12')
  one.socket.write('3456')
  await until('its end', () => one.state.ended)
  t.equal(one.told(), '1234')
})

t.test('down refuses connections and ends those there are; up listens at the same port again', async (t) => {
  const one = await client(t)
  await proxy.down()
  await until('it is told', () => one.state.error !== undefined || one.state.ended)
  const refused = connect({ port: proxy.port, host: '127.0.0.1' })
  t.match(await once(refused, 'error'), [{ code: 'ECONNREFUSED' }])
  await proxy.up()
  const other = await client(t)
  other.socket.write('1')
  await answered(other, '1')
})

t.test('toxicity chooses connections by the seed', async (t) => {
  const own = await startProxy({ host: '127.0.0.1', port })
  t.teardown(() => own.close())
  const clients = await Promise.all(
    Array.from({ length: 20 }, async () => {
      const socket = connect({ port: own.port, host: '127.0.0.1' })
      t.teardown(() => socket.destroy())
      let told = ''
      socket.on('data', (bytes) => {
        told += bytes.toString()
      })
      await once(socket, 'connect')
      return { say: (text: string) => socket.write(text), told: () => told }
    }),
  )
  const slowed = async (seed: number) => {
    own.set([{ ...cut, toxicity: 0.5 }], seed)
    const before = clients.map(({ told }) => told())
    for (const { say } of clients) say('.')
    await whileItPasses()
    const found = clients.map(({ told }, at) => told() === before[at])
    own.set([])
    await until('all is answered', () => clients.every(({ told }, at) => told() === `${before[at]}.`))
    return found
  }
  const first = await slowed(1)
  t.ok(first.includes(true) && first.includes(false), String(first))
  t.same(await slowed(1), first)
  t.notSame(await slowed(2), first)
})
