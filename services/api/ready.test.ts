import { environment, readOptions } from '@ordermill/config'
import { corner, until } from '@ordermill/servers/testing'
import { createLogger } from '@ordermill/telemetry'
import t from 'tap'
import { buildApp } from './app.ts'
import { apiOptionNames } from './parts.ts'

t.test('an API that was just started waits for the broker before it is ready, but not for ever', async (t) => {
  const { env } = await corner(t, environment())
  const nobody = { RABBITMQ_URL: 'amqp://127.0.0.1:1', PUBLISH_TIMEOUT_MS: '3000' }
  const options = readOptions({ ...env, ...nobody }, apiOptionNames)
  const started = performance.now()
  const { app } = await buildApp(options, createLogger({ service: 'api', level: 'silent' }))
  t.teardown(() => app.close())
  await until('it is ready: Redis keeps what it takes', async () => {
    const answer = await app.inject('/health/ready')
    if (answer.statusCode === 503) t.match(answer.json(), { reason: /awaited/ })
    return answer.statusCode === 200
  })
  t.ok(performance.now() - started >= 3_000)
})
