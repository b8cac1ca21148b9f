import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { joinWrites } from './joined-writes.ts'

/** A socket whose writes are counted as the system gets them, and all that came out at its other end. */
async function counted(t: { teardown(end: () => void): void }) {
  let received = ''
  const server = createServer((other) => other.setEncoding('utf8').on('data', (text) => (received += text)))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  t.teardown(() => {
    socket.destroy()
    server.close()
  })
  await once(socket, 'connect')
  let writes = 0
  for (const name of ['_write', '_writev'] as const) {
    const write = (socket[name] as (...args: unknown[]) => void).bind(socket)
    const one = (...args: unknown[]) => {
      writes += 1
      write(...args)
    }
    Object.assign(socket, { [name]: one })
  }
  const all = async (length: number) => {
    while (received.length < length) await turn()
    return received
  }
  return { socket, writes: () => writes, all }
}

t.test('what is written in one turn goes out in one write, what is written in the next in another', async (t) => {
  const { socket, writes, all } = await counted(t)
  joinWrites(socket)
  for (let n = 0; n < 50; n += 1) socket.write('a')
  t.equal(writes(), 0, 'nothing goes out before the turn ends')
  await Promise.resolve().then(() => socket.write('b')) // the same turn
  t.equal(await all(51), `${'a'.repeat(50)}b`)
  t.equal(writes(), 1)
  socket.write('c')
  t.equal(await all(52), `${'a'.repeat(50)}bc`)
  t.equal(writes(), 2)
})

t.test('it may go out as soon as the work in hand is done', async (t) => {
  const { socket, writes, all } = await counted(t)
  joinWrites(socket, process.nextTick)
  for (let n = 0; n < 50; n += 1) socket.write('a')
  await new Promise((resolve) => process.nextTick(resolve))
  t.equal(writes(), 1)
  t.equal(await all(50), 'a'.repeat(50))
})
