import { once } from 'node:events'
import { createServer } from 'node:net'
import t, { type Test } from 'tap'
import { spawnService } from './testing.ts'

/** A server that only counts who connects. */
async function counter(t: Test): Promise<{ address: string; connections(): number }> {
  let connections = 0
  const server = createServer((socket) => {
    connections += 1
    socket.destroy()
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => void server.close())
  const at = server.address()
  if (at === null || typeof at === 'string') throw new Error('no port')
  return { address: `127.0.0.1:${at.port}`, connections: () => connections }
}

async function ended(t: Test, service: 'api' | 'worker', env: Record<string, string>) {
  const { child, output } = spawnService(t, service, env)
  const [code] = await once(child, 'close')
  return { code, output: output() }
}

for (const service of ['api', 'worker'] as const) {
  t.test(`the ${service} without any configuration exits with 1, and says all that it needs`, async (t) => {
    const { code, output } = await ended(t, service, {})
    t.equal(code, 1)
    for (const name of ['POSTGRES_DSN', 'REDIS_ADDR', 'RABBITMQ_URL'])
      t.match(output, new RegExp(`^ {2}${name} is missing: .+ It takes .+\\.$`, 'm'))
    t.notMatch(output, /^ {4}at /m, "no stack: it is nobody's defect")
  })

  t.test(
    `the ${service} with wrong values says option, value and range of each, masks secrets, and connects to nothing`,
    async (t) => {
      const { address, connections } = await counter(t)
      const { code, output } = await ended(t, service, {
        NODE_ENV: 'production',
        POSTGRES_DSN: `postgres://ann:hunter2@${address}/db`,
        REDIS_ADDR: address,
        RABBITMQ_URL: `http://ann:hunter2@${address}`,
        ELASTICSEARCH_URL: `http://${address}`,
        DIRTY_LIMIT: '12',
        SHUTDOWN_MS: 'soon',
        LOG_LEVEL: 'loud',
      })
      t.equal(code, 1)
      t.match(
        output,
        /^ {2}RABBITMQ_URL is \*{5}: it takes one or several URLs \(amqp:, amqps:\), separated by commas\.$/m,
      )
      t.match(output, /^ {2}DIRTY_LIMIT is "12": it takes a whole number from 64 to 100000000\.$/m)
      t.match(output, /^ {2}SHUTDOWN_MS is "soon": it takes a whole number from 100 to 300000\.$/m)
      t.match(output, /^ {2}LOG_LEVEL is "loud": it takes trace, debug, info, warn, error, fatal, silent\.$/m)
      if (service === 'api') t.match(output, /^ {2}ADMIN_TOKEN is missing: /m, 'production insists on it')
      t.notMatch(output, /hunter2/)
      t.equal(connections(), 0)
    },
  )
}
