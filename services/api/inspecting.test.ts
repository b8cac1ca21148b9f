import { environment, readOptions } from '@ordermill/config'
import { startServer } from '@ordermill/servers'
import { redisAt, until } from '@ordermill/servers/testing'
import { apiMetrics, createLogger, createRegistry } from '@ordermill/telemetry'
import Fastify from 'fastify'
import t from 'tap'
import { apiOptionNames } from './parts.ts'
import { cachePlugin } from './plugins/cache.ts'

t.test(
  'a cache that does not say at once how it is set up is asked again: until then it vouches for nothing',
  async (t) => {
    const redis = await startServer('redis', { env: environment() })
    t.teardown(() => redis.remove())
    const operator = redisAt(t, redis.env['REDIS_ADDR'])
    await operator.call('ACL', 'SETUSER', 'default', '-info')
    const app = Fastify()
    t.teardown(() => app.close())
    const { POSTGRES_DSN, RABBITMQ_URL } = environment()
    const options = readOptions({ POSTGRES_DSN, RABBITMQ_URL, ...redis.env }, apiOptionNames)
    const registry = createRegistry('api')
    const log = createLogger({ service: 'api', level: 'silent' })
    const { client, durable } = cachePlugin({ app, options, log, registry, metrics: apiMetrics(registry, ['orders']) })
    await until('it is connected', () => client.ping().catch(() => undefined))
    await until('it was asked', async () => JSON.stringify(await operator.call('ACL', 'LOG')).includes('info'))
    t.notOk(durable())
    await operator.call('ACL', 'SETUSER', 'default', '+info')
    await until('it vouches for what it takes', durable)
  },
)
