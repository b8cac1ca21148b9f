import { environment } from '@ordermill/config'
import { corner } from '@ordermill/servers/testing'
import type { Redis } from 'ioredis'
import t from 'tap'
import { connectCache } from './client.ts'

t.test('commands of one turn go out in one write, those of the next in another, and all are answered', async (t) => {
  const { env, namespace } = await corner(t, environment())
  const { promise: ready, resolve: onReady } = Promise.withResolvers<void>()
  const urls = [env['REDIS_ADDR'] ?? '']
  const client = connectCache({ urls, timeout_ms: 5_000, onError: t.fail, onReady }) as unknown as Redis
  t.teardown(() => client.disconnect())
  await ready
  let writes = 0
  for (const name of ['_write', '_writev'] as const) {
    const write = (client.stream[name] as (...args: unknown[]) => void).bind(client.stream)
    const counted = (...args: unknown[]) => {
      writes += 1
      write(...args)
    }
    Object.assign(client.stream, { [name]: counted })
  }
  const turn = (from: number) =>
    Promise.all(Array.from({ length: 50 }, (_, at) => client.set(`${namespace}joined:${from + at}`, 'x', 'EX', 60)))
  t.same(await turn(0), Array(50).fill('OK'))
  t.equal(writes, 1)
  t.same(await turn(50), Array(50).fill('OK'))
  t.equal(writes, 2)
})
