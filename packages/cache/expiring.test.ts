import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import t from 'tap'
import { expireCommands } from './expiring.ts'

/** A server that answers everything but a GET. */
async function taciturn(): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.on('data', (data) => {
      for (const [, name] of data.toString().matchAll(/\*\d+\r\n\$\d+\r\n(\w+)\r\n/g))
        if (name !== 'get') socket.write('+PONG\r\n')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('it has no port')
  return `redis://127.0.0.1:${address.port}`
}

const timeout_ms = 400
const connected = async (): Promise<Redis> => {
  const options = { enableReadyCheck: false, disableClientInfo: true, maxRetriesPerRequest: 0 }
  const redis = new Redis(await taciturn(), options)
  redis.on('error', () => undefined)
  t.teardown(() => redis.disconnect())
  expireCommands(redis, timeout_ms)
  return redis
}
const failure = (work: Promise<unknown>): Promise<{ message: string; at: number }> =>
  work.then(
    () => ({ message: 'none', at: performance.now() }),
    (thrown: Error) => ({ message: thrown.message, at: performance.now() }),
  )

t.test('each command that is not answered fails in its time, whether others came before or after', async (t) => {
  const redis = await connected()
  t.equal(await redis.ping(), 'PONG')
  const sent: { at: number; ended: ReturnType<typeof failure> }[] = []
  for (let n = 0; n < 20; n += 1) {
    sent.push({ at: performance.now(), ended: failure(redis.get(`${n}`)) })
    await sleep(37)
  }
  for (const { at, ended } of sent) {
    const { message, at: endedAt } = await ended
    t.equal(message, 'Command timed out')
    t.ok(endedAt - at >= timeout_ms, `not early: ${endedAt - at} ms`)
    t.ok(endedAt - at < timeout_ms * 2, `not late: ${endedAt - at} ms`)
  }
})

t.test('a command that has found its connection takes nothing with it that waits for one since', async (t) => {
  const queue = (commands: unknown[]) => ({
    length: commands.length,
    peekAt: (at: number) => commands[at] && { command: commands[at] },
    peekBack: () => commands.at(-1) && { command: commands.at(-1) },
  })
  const told: string[] = []
  const command = (name: string) => ({ isSettled: false, reject: () => void told.push(name) })
  const [first, second] = [command('first'), command('second')]
  let ended = () => undefined
  const once = (_: string, listener: typeof ended) => {
    ended = listener
  }
  const redis = { commandQueue: queue([]), offlineQueue: queue([first]), once }
  expireCommands(redis as unknown as Redis, timeout_ms)
  t.teardown(() => ended())
  await sleep(timeout_ms / 2)
  Object.assign(redis, { commandQueue: queue([first]), offlineQueue: queue([]) })
  await sleep(timeout_ms / 4)
  redis.offlineQueue = queue([second])
  await sleep(timeout_ms * 0.6)
  t.ok(told.includes('first'))
  t.notOk(told.includes('second'), 'it has not waited for so long yet')
})

t.test('what waits for a connection fails in its time as well', async (t) => {
  const redis = new Redis({ port: 1, host: '127.0.0.1', maxRetriesPerRequest: null, retryStrategy: () => 50 })
  redis.on('error', () => undefined)
  t.teardown(() => redis.disconnect())
  expireCommands(redis, timeout_ms)
  const at = performance.now()
  const { message, at: endedAt } = await failure(redis.get('a'))
  t.equal(message, 'Command timed out')
  t.ok(endedAt - at >= timeout_ms)
})
