import { environment, readOptions } from '@ordermill/config'
import { corner, until } from '@ordermill/servers/testing'
import { createLogger } from '@ordermill/telemetry'
import t from 'tap'
import { buildApp } from './app.ts'
import { apiOptionNames } from './parts.ts'

const away = {
  broker: { RABBITMQ_URL: 'amqp://127.0.0.1:1' },
  cache: { REDIS_ADDR: '127.0.0.1:1' },
}
for (const [name, nobody] of Object.entries(away))
  t.test(`an API that was just started waits for the ${name} before it is ready, but not for ever`, async (t) => {
    const { env } = await corner(t, environment())
    const options = readOptions({ ...env, ...nobody, PUBLISH_TIMEOUT_MS: '3000' }, apiOptionNames)
    const started = performance.now()
    const { app } = await buildApp(options, createLogger({ service: 'api', level: 'silent' }))
    t.teardown(() => app.close())
    const reasons = new Set<unknown>()
    await until('it is ready: it can take orders with what there is', async () => {
      const answer = await app.inject('/health/ready')
      if (answer.statusCode === 503) reasons.add(answer.json<{ reason: unknown }>().reason)
      return answer.statusCode === 200
    })
    t.ok(performance.now() - started >= 3_000)
    t.ok(reasons.has(`the ${name} is awaited`))
  })
