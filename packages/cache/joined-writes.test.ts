import { once } from 'node:events'
import { environment } from '@ordermill/config'
import { corner } from '@ordermill/servers/testing'
import { Redis } from 'ioredis'
import t from 'tap'
import { joinWrites } from './joined-writes.ts'

t.test('commands of one turn go out in one write, those of the next in another, and all are answered', async (t) => {
  const { env, namespace } = await corner(t, environment())
  const redis = new Redis(`redis://${env['REDIS_ADDR']}`)
  t.teardown(() => redis.disconnect())
  joinWrites(redis)
  await once(redis, 'ready')
  const { stream } = redis
  let writes = 0
  for (const name of ['_write', '_writev'] as const) {
    const write = (stream[name] as (...args: unknown[]) => void).bind(stream)
    const counted = (...args: unknown[]) => {
      writes += 1
      write(...args)
    }
    Object.assign(stream, { [name]: counted })
  }
  const turn = (from: number) =>
    Promise.all(Array.from({ length: 50 }, (_, at) => redis.set(`${namespace}joined:${from + at}`, 'x', 'EX', 60)))
  t.same(await turn(0), Array(50).fill('OK'))
  t.equal(writes, 1)
  t.same(await turn(50), Array(50).fill('OK'))
  t.equal(writes, 2)
})
