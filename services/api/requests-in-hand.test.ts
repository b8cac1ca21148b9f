import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { environment } from '@ordermill/config'
import { newId } from '@ordermill/model'
import { counterOf } from '@ordermill/servers/counting'
import { corner, until } from '@ordermill/servers/testing'
import Fastify, { type FastifyInstance } from 'fastify'
import { Client } from 'pg'
import t, { type Test } from 'tap'
import { get, post, startTestApi, startTestWorker } from '../testing.ts'
import { Admission } from './admission.ts'
import { overloadPlugin } from './plugins/overload.ts'

const { env, ...made } = await corner(t, environment())
const most = 10
const { url } = await startTestApi(t, { ...env, REQUESTS_MAX: String(most), DB_POOL_MAX: '20', DB_TIMEOUT_MS: '30000' })
const order = { product_name: 'Lantern', amount: 1 }
const figure = async (name: string) => {
  const text = await (await fetch(`${url}/metrics`)).text()
  return new RegExp(`^${name}\\{.*\\} (\\d+)$`, 'm').exec(text)?.[1]
}
const inHand = () => figure('http_requests_in_hand')

t.test('a request whose body never comes whole makes room as soon as its connection is closed', async (t) => {
  const { port } = new URL(url)
  const sockets = Array.from({ length: most }, () => {
    const socket = connect(Number(port), '127.0.0.1')
    socket.write(
      'POST /api/orders HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{',
    )
    return socket
  })
  await until('all are in hand', async () => (await inHand()) === String(most))
  t.match(await post(`${url}/api/orders`, order), { status: 503, body: { code: 'overloaded' } })
  for (const socket of sockets) socket.destroy()
  await until('none is', async () => (await inHand()) === '0')
  t.equal((await post(`${url}/api/orders`, order)).status, 202)
})

t.test('with as many in hand as may be, the next one is refused before anything is written', async (t) => {
  const counts = await counterOf(t, { env, ...made })
  const accepted = async () => (await counts()).messages['orders.persist'] ?? 0
  const before = await accepted()
  const lock = new Client(env['POSTGRES_DSN'])
  await lock.connect()
  t.teardown(() => lock.end())
  await lock.query('BEGIN; LOCK TABLE orders IN ACCESS EXCLUSIVE MODE')
  const leaving = new AbortController()
  const read = (init?: RequestInit) => fetch(`${url}/api/orders/${newId()}`, init).then(({ status }) => status)
  const left = t.rejects(read({ signal: leaving.signal }), { name: 'AbortError' })
  const reads = Array.from({ length: most - 1 }, () => read())
  await until('all are in hand', async () => (await inHand()) === String(most))
  leaving.abort()
  await left
  t.equal(await inHand(), String(most), 'one whose client has left is worked at all the same')

  const refused = await post(`${url}/api/orders`, order, { 'x-correlation-id': 'mine' })
  t.match(refused, { status: 503, body: { code: 'overloaded', title: 'Unavailable', correlation_id: 'mine' } })
  t.equal(refused.headers.get('content-type'), 'application/problem+json; charset=utf-8')
  t.equal(refused.headers.get('x-correlation-id'), 'mine')
  t.equal(refused.headers.get('retry-after'), '2')
  t.equal((await get(`${url}/api/nothing`)).status, 503, 'whatever it asks for')
  t.equal((await get(`${url}/health/ready`)).status, 200, 'health is answered')
  t.ok(Number(await figure('http_requests_refused_total')) >= 2)

  await lock.query('COMMIT')
  t.same(await Promise.all(reads), new Array(most - 1).fill(404))
  await until('none is in hand', async () => (await inHand()) === '0')
  t.equal(await accepted(), before)
})

t.test('those that only wait for others are not counted', async (t) => {
  const waiting: ReturnType<typeof post>[] = []
  while (waiting.length < 2 * most) {
    waiting.push(post(`${url}/api/orders?wait=persisted&wait_ms=30000`, order))
    waiting.push(post(`${url}/api/bulk-orders?wait_ms=30000`, { orders: [order] }))
    await until('none is in hand', async () => (await inHand()) === '0')
  }
  t.equal((await post(`${url}/api/orders`, order)).status, 202)
  await startTestWorker(t, env)
  for (const { status } of await Promise.all(waiting)) t.equal(status, 201)
})

t.test('what a client has left before a handler had it is given up', async (t) => {
  const { admission, app } = await small(t, most)
  let handled = 0
  app.addHook('onRequest', async ({ raw }) => {
    raw.socket.destroy()
    await once(raw.socket, 'close')
  })
  app.get('/', async () => {
    handled += 1
    return 'fine'
  })
  await t.rejects(fetch(await app.listen(anywhere)))
  t.equal(handled, 0)
  await until('none is in hand', async () => admission.inHand === 0)
})

t.test('that requests begin to be refused is told once, however many follow', async (t) => {
  const { admission, app, told } = await small(t, 1)
  const { promise: go, resolve } = Promise.withResolvers<string>()
  app.get('/', () => go)
  const base = await app.listen(anywhere)
  const first = fetch(base)
  await until('it is in hand', async () => admission.inHand === 1)
  for (let n = 0; n < 5; n += 1) t.equal((await fetch(base)).status, 503)
  t.equal(admission.refused, 5)
  t.match(told, [{ in_hand: 1 }])
  t.equal(told.length, 1)
  resolve('fine')
  t.equal((await first).status, 200)
})

const anywhere = { host: '127.0.0.1', port: 0 }

/** A framework with nothing but the admission before it. */
async function small(t: Test, requestsMax: number) {
  const told: { in_hand: number }[] = []
  const admission = new Admission({ requestsMax, delayMax_ms: 0, onRefusing: (now) => told.push(now) })
  const app: FastifyInstance = Fastify({
    serverFactory: (handle) =>
      createServer((request, response) => {
        if (admission.admits(request, response)) handle(request, response)
      }),
  })
  overloadPlugin(app, admission)
  t.teardown(() => app.close())
  return { admission, app, told }
}
