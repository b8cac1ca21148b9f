import { createServer } from 'node:net'
import { environment } from '@ordermill/config'
import { Redis } from 'ioredis'
import t from 'tap'
import { freePort } from './ports.ts'
import { startServer } from './start-one.ts'
import { waitFor } from './waiting.ts'

const connect = (address: string | undefined) => {
  const redis = new Redis(`redis://${address}`, { retryStrategy: null, lazyConnect: true, maxRetriesPerRequest: 0 })
  redis.on('error', () => undefined)
  return redis
}

t.test('redis comes back after kill -9 on the same port with what its file had been synced with', async (t) => {
  const server = await startServer('redis', { env: environment() })
  t.teardown(() => server.remove())
  const before = connect(server.env.REDIS_ADDR)
  await before.set('thing', 'kept')
  // Resolves when the append-only file has been synced up to here: everysec does that within a second or two.
  const synced = async () => ((await before.info('persistence')).includes('aof_pending_bio_fsync:0') ? true : undefined)
  await waitFor(synced, { timeoutMs: 5_000 })
  await server.kill('SIGKILL')
  before.disconnect()
  await server.start()
  const after = connect(server.env.REDIS_ADDR)
  t.teardown(() => after.disconnect())
  t.equal(await after.get('thing'), 'kept')
  t.match(await after.config('GET', 'appendonly'), ['appendonly', 'yes'])
  t.match(await after.config('GET', 'maxmemory-policy'), ['maxmemory-policy', 'volatile-lru'])
})

t.test('a server that dies is started again when that was asked for', async (t) => {
  const lines: string[] = []
  const server = await startServer('redis', { env: environment(), restart: true, log: (line) => lines.push(line) })
  t.teardown(() => server.remove())
  const { pid } = server
  process.kill(pid ?? 0, 'SIGKILL')
  const back = await waitFor(() => lines.find((line) => line === 'Redis is back'), { timeoutMs: 15_000 })
  t.ok(back, 'and says so')
  t.match(lines[0], /^Redis was killed by SIGKILL; starting it again in [\d.]+ s/)
  t.not(server.pid, pid)
})

t.test('start and stop may be called twice and at the same time', async (t) => {
  const server = await startServer('redis', { env: environment() })
  t.teardown(() => server.remove())
  const { pid } = server
  await Promise.all([server.start(), server.start()])
  t.equal(server.pid, pid)
  await Promise.all([server.stop(), server.stop()])
  t.equal(server.pid, undefined)
  await server.start()
  t.type(server.pid, 'number')
})

t.test('a port somebody else has is one sentence with the option that moves it', async (t) => {
  const port = await freePort()
  const other = createServer().listen(port, '127.0.0.1')
  t.teardown(() => other.close())
  await t.rejects(startServer('redis', { env: environment(), ports: { REDIS_PORT: port } }), {
    name: 'ServerProblem',
    code: 'PORT_TAKEN',
    message: `Redis cannot have port ${port}: it is taken. End what listens there, or set REDIS_PORT to another port.`,
  })
})

t.test('a port that was picked, and that somebody takes first, is picked again', async (t) => {
  const [port, another] = [await freePort(), await freePort()]
  const other = createServer().listen(port, '127.0.0.1')
  t.teardown(() => other.close())
  const picks = [port, another]
  const pick = async () => picks.shift() ?? freePort()
  const server = await startServer('redis', { env: environment(), pick })
  t.teardown(() => server.remove())
  t.match(server.url, String(another))
})
