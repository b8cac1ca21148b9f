import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { connectCache } from '@ordermill/cache'
import { environment } from '@ordermill/config'
import { corner } from '@ordermill/servers/testing'
import { Redis } from 'ioredis'
import t from 'tap'
import { type Held, plainText, takeSteps, withoutEpoch } from './cache-steps.ts'

const { env, namespace } = await corner(t, environment())
const url = `redis://${env['REDIS_ADDR']}`
const redis = new Redis(url)
t.teardown(() => redis.disconnect())
const steps = 300

/** What the real one holds under these names, as `runInMemory` tells it. */
async function heldUnder(prefix: string): Promise<Held[]> {
  const run = /run_id:(\w+)/.exec(await redis.info('server'))?.[1] ?? ''
  const keys = await redis.keys(`*:${prefix}orders:*`)
  const all = keys.map(async (key): Promise<Held> => {
    const type = await redis.type(key)
    const value =
      type === 'string'
        ? plainText(key, (await redis.get(key)) ?? '', run)
        : (type === 'zset' ? await redis.zrange(key, '0', '-1') : await redis.hkeys(key)).sort()
    const ttl_s = await redis.ttl(key)
    return [key.replace(prefix, ''), withoutEpoch(value), Math.ceil((ttl_s < 0 ? -60 : ttl_s) / 60)]
  })
  return (await Promise.all(all)).sort(([a], [b]) => (a < b ? -1 : 1))
}

for (const seed of [1, 2, 3, 4, 5, 6])
  t.test(
    `${steps} random steps (${seed}) are answered by Redis in memory as by the real one, and leave the same behind`,
    async (t) => {
      const prefix = `${namespace}s${seed}:`
      const { promise: ready, resolve } = Promise.withResolvers<void>()
      const client = connectCache({ urls: [url], timeout_ms: 5_000, onError: () => undefined, onReady: resolve })
      t.teardown(() => client.disconnect())
      await ready
      const answers = await takeSteps(client, prefix, seed, steps)
      const child = execFileSync(process.execPath, [
        join(import.meta.dirname, 'cache-memory.ts'),
        `${seed}`,
        `${steps}`,
      ])
      const memory = JSON.parse(child.toString()) as { answers: unknown[]; held: Held[] }
      for (const [at, answer] of answers.entries())
        if (JSON.stringify(answer) !== JSON.stringify(memory.answers[at])) {
          t.strictSame(memory.answers[at], answer, `step ${at}`)
          break
        }
      t.equal(memory.answers.length, answers.length)
      t.strictSame(memory.held, await heldUnder(prefix))
      t.ok(memory.held.length > 10, 'there is something to compare')
    },
  )
