import { once } from 'node:events'
import { environment } from '@ordermill/config'
import { startServer } from '@ordermill/servers'
import { corner, redisAt, until } from '@ordermill/servers/testing'
import t from 'tap'
import { post, spawnService, startTestApi } from './testing.ts'

t.test('the API refuses to run on a Redis that evicts what Postgres may not have', async (t) => {
  const { env } = await corner(t, environment())
  const redis = await startServer('redis', { env: environment() })
  t.teardown(() => redis.remove())
  const client = redisAt(t, redis.env['REDIS_ADDR'])
  await client.config('SET', 'maxmemory-policy', 'allkeys-lru')
  const { child, output } = spawnService(t, 'api', { ...env, ...redis.env, LOG_LEVEL: 'info' })
  const [code] = await once(child, 'exit')
  t.equal(code, 1)
  t.match(output(), /allkeys-lru/)
})

t.test('without AOF, nothing is accepted while the broker is away', async (t) => {
  const { env } = await corner(t, environment())
  const redis = await startServer('redis', { env: environment() })
  t.teardown(() => redis.remove())
  const client = redisAt(t, redis.env['REDIS_ADDR'])
  await client.config('SET', 'appendonly', 'no')
  const rabbitmq = await startServer('rabbitmq', { env: environment() })
  t.teardown(() => rabbitmq.remove())
  const { url } = await startTestApi(t, { ...env, ...redis.env, ...rabbitmq.env })
  const order = { product_name: 'LAMP', amount: 1 }
  t.equal((await post(`${url}/api/orders`, order)).status, 202)
  await rabbitmq.kill('SIGKILL')
  const refused = await until('the loss is noticed', async () => {
    const answer = await post(`${url}/api/orders`, order)
    return answer.status === 503 && answer.body['code'] === 'queue-away' && answer
  })
  t.ok(Number(refused.headers.get('retry-after')) >= 1)
  const keys = await client.dbsize()
  t.equal((await post(`${url}/api/orders`, order)).status, 503)
  t.equal(await client.dbsize(), keys, 'nothing was written')
  t.equal((await fetch(`${url}/health/ready`)).status, 503)
})
