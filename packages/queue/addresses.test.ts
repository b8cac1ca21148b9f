import { createServer, type Socket } from 'node:net'
import { environment } from '@ordermill/config'
import { freePort } from '@ordermill/servers'
import t from 'tap'
import { keepConnected } from './connection.ts'

const live = environment()['RABBITMQ_URL'] ?? ''
const sockets: Socket[] = []
/** An address that takes connections and says nothing. */
const silent = createServer((socket) => void sockets.push(socket.on('error', () => undefined)))
await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
t.teardown(() => {
  silent.close()
  for (const socket of sockets) socket.destroy()
})
const at = silent.address()
if (at === null || typeof at === 'string') throw new Error('it listens on a port')
const urls = [`amqp://127.0.0.1:${at.port}`, `amqp://127.0.0.1:${await freePort()}`, live]

const connectAt = (share: number) => {
  const lost: string[] = []
  const connection = keepConnected({
    urls,
    name: 'addresses',
    setup: async () => undefined,
    onLost: (error) => lost.push(error.message),
    random: () => share,
  })
  t.teardown(() => connection.close())
  return { ...connection, lost }
}

t.test('an address that is silent and one where nobody listens are passed, each after one try', async (t) => {
  const { ready, lost } = connectAt(0)
  await ready
  t.match(lost, [/TIMEDOUT/, /ECONNREFUSED/])
  t.equal(lost.length, 2)
})

t.test('any address may be the first: processes spread over the nodes of a cluster', async (t) => {
  const { ready, lost } = connectAt(0.99)
  await ready
  t.same(lost, [])
})
