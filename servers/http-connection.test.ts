import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { HttpConnection, type Received } from './http-connection.ts'

/** A server that does this with each request's socket, and counts connections. */
async function serve(t: Test, answer: (socket: Socket, request: string) => void) {
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket)
    socket.on('data', (data) => answer(socket, data.toString()))
    socket.on('error', () => undefined)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const connection = new HttpConnection(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  t.teardown(() => {
    connection.close()
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { sockets, server, connection, ask: () => asked(connection) }
}

const asked = (connection: HttpConnection) =>
  new Promise<Received>((resolve) => connection.send('GET / HTTP/1.1\r\nhost: a\r\n\r\n', resolve))

const fine = 'HTTP/1.1 200 OK\r\nETag: "1"\r\ncontent-length: 3\r\n\r\n€'

t.test('requests go over one connection, and an answer may come byte by byte', async (t) => {
  const { sockets, ask } = await serve(t, async (socket) => {
    for (const byte of Buffer.from(fine)) {
      socket.write(Buffer.of(byte))
      await new Promise(setImmediate)
    }
  })
  for (let n = 0; n < 2; n += 1) {
    const received = await ask()
    t.match([received.status, received.body(), received.header('etag')], [200, '€', '"1"'])
    t.equal(received.header('x-cache'), undefined)
  }
  t.equal(sockets.length, 1)
})

t.test('an answer in chunks is whole when its last chunk has come, byte by byte or at once', async (t) => {
  const chunks =
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n€\r\n10\r\n0123\r\n\r\n0\r\n\r\nabc\r\n0\r\n\r\n'
  let asks = 0
  const { sockets, ask } = await serve(t, async (socket) => {
    asks += 1
    for (const part of asks === 1 ? Buffer.from(chunks) : [chunks]) {
      socket.write(typeof part === 'string' ? part : Buffer.of(part))
      await new Promise(setImmediate)
    }
  })
  for (let n = 0; n < 3; n += 1) t.match(await ask(), { status: 200, error: '' })
  t.equal((await ask()).body(), '€0123\r\n\r\n0\r\n\r\nabc')
  t.equal(sockets.length, 1)
})

t.test('an answer that says so closes the connection, and the next request opens another one', async (t) => {
  const { sockets, ask } = await serve(t, (socket) =>
    socket.write('HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n'),
  )
  t.equal((await ask()).status, 204)
  t.equal((await ask()).status, 204)
  t.equal(sockets.length, 2)
})

t.test('a connection that the server has closed meanwhile is not used again', async (t) => {
  const { sockets, ask } = await serve(t, (socket) => socket.end(fine))
  t.equal((await ask()).status, 200)
  const [first] = sockets as [Socket]
  if (!first.closed) await once(first, 'close')
  t.equal((await ask()).status, 200)
  t.equal(sockets.length, 2)
})

t.test(
  'where there is no whole answer the reason is given, and the next request opens another connection',
  async (t) => {
    let cuts = 0
    const { server, ask } = await serve(t, (socket) => {
      cuts += 1
      if (cuts === 1) socket.write(fine.slice(0, -1), () => socket.resetAndDestroy())
      else if (cuts === 2) socket.end(fine.slice(0, -1))
      else if (cuts === 3) socket.write('HTTP/1.1 200 OK\r\n\r\nuntil it closes')
      else if (cuts === 4) socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nthree\r\n€\r\n')
      else socket.write(fine)
    })
    t.match(await ask(), { status: 0, error: 'ECONNRESET' })
    t.match(await ask(), { status: 0, error: 'ECONNRESET' })
    t.match(await ask(), { status: 0, error: 'no Content-Length' })
    t.match(await ask(), { status: 0, error: 'broken chunks' })
    t.equal((await ask()).status, 200)
    server.close()
  },
)

t.test('where nothing listens it says so', async (t) => {
  const { server, connection } = await serve(t, () => undefined)
  await new Promise((resolve) => server.close(resolve))
  t.match(await asked(connection), { status: 0, error: 'ECONNREFUSED' })
})

t.test('a request that is given up gets no answer, and its connection is reset', async (t) => {
  const { promise: arrived, resolve: arrive } = Promise.withResolvers<Socket>()
  const { sockets, connection, ask } = await serve(t, (socket) => {
    if (sockets.length === 1) arrive(socket)
    else socket.write(fine)
  })
  const first = ask()
  const reset = once(await arrived, 'error')
  connection.lose('TIMEOUT')
  t.match(await first, { status: 0, error: 'TIMEOUT' })
  t.match(await reset, [{ code: 'ECONNRESET' }])
  t.equal((await ask()).status, 200)
})
