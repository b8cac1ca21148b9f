import { environment } from '@ordermill/config'
import { startServer } from '@ordermill/servers'
import { corner, redisAt, until } from '@ordermill/servers/testing'
import t from 'tap'
import { get, patch, post, startTestApi, startTestWorker } from './testing.ts'

const { env } = await corner(t, environment())
const broker = await startServer('rabbitmq', { env: environment() })
t.teardown(() => broker.remove())
/** The flusher looks after what is old: too late to help here. */
const parts = { ...env, RABBITMQ_URL: broker.url, LOG_LEVEL: 'silent', FLUSH_AFTER_MS: '3600000' }

t.test('changes made while the broker is away go out before the first one after it is back', async (t) => {
  const { url } = await startTestApi(t, parts)
  const placed = await post(`${url}/api/orders`, { product_name: 'TEA', amount: 1 })
  const order = `${url}/api/orders/${placed.body['order_id']}`
  await broker.kill('SIGKILL')
  await until('the API knows', async () => {
    const { body } = await get(`${url}/health`)
    return JSON.stringify(body).includes('"rabbitmq","status":"away"')
  })
  for (const amount of [2, 3, 4]) t.equal((await patch(order, { amount })).status, 202)
  await broker.start()
  await until('the API is connected again', async () => {
    const { body } = await get(`${url}/health`)
    return !JSON.stringify(body).includes('"rabbitmq","status":"away"')
  })
  t.equal((await patch(order, { amount: 5 })).status, 202, 'before any flusher could look')
  await startTestWorker(t, parts)
  const { body } = await until('it is persisted and settled', async () => {
    const history = await get(`${order}/history`)
    const { versions } = history.body as { versions?: { dirty: boolean }[] }
    return versions?.length === 5 && !versions.some(({ dirty }) => dirty) && history
  })
  t.match(body, { versions: [1, 2, 3, 4, 5].map((version) => ({ version, dirty: false })) })
  const parked = await get(`${url}/api/admin/parked`)
  t.same(parked.body['parked'], [], 'nothing is parked as a conflict')
})

t.test('who repeats a request whose outcome was open is told that it was done once the broker has it', async (t) => {
  const redis = await startServer('redis', { env: environment() })
  t.teardown(() => redis.remove())
  await redisAt(t, redis.env['REDIS_ADDR']).call('CONFIG', 'SET', 'appendonly', 'no') // it vouches for nothing then
  const { url } = await startTestApi(t, { ...parts, ...redis.env, PUBLISH_TIMEOUT_MS: '300' })
  const orders = `${url}/api/orders`
  await until('it is ready', async () => (await get(`${url}/health/ready`)).status === 200)
  const placed = await post(orders, { product_name: 'MILK', amount: 1 })
  const order = `${orders}/${String(placed.body['order_id'])}`
  const keyed = () => post(orders, { product_name: 'TEA', amount: 1 }, { 'idempotency-key': 'open' })
  const changed = () => patch(order, { amount: 2 })
  await broker.kill('SIGSTOP')
  for (const way of [keyed, changed])
    for (const time of ['first', 'second'])
      t.match(await way(), { status: 503, body: { code: 'outcome-open' } }, `${time} ${way.name}`)
  await broker.kill('SIGCONT')
  const again = await until('the broker answers', async () => {
    const answer = await keyed()
    return answer.status === 202 && answer
  })
  t.equal(again.headers.get('idempotent-replayed'), 'true')
  t.match(await changed(), { status: 200, body: { version: 2 } }, 'it says so already')
})
