import { once } from 'node:events'
import { connect } from 'node:net'
import { environment } from '@ordermill/config'
import { corner, until } from '@ordermill/servers/testing'
import { createLogger } from '@ordermill/telemetry'
import Fastify, { type FastifyInstance } from 'fastify'
import t from 'tap'
import { get, spawnService, startTestApi } from '../testing.ts'
import { MultiSocketServer } from './multi-socket-server.ts'
import { listeningPlugin } from './plugins/listening.ts'

const { env } = await corner(t, environment())

t.test('connections that come at once are taken many at a time', async (t) => {
  const { app, url } = await startTestApi(t, env)
  const { hostname, port } = new URL(url)
  const many = 96
  let taken = 0
  app.server.on('connection', () => {
    taken += 1
  })
  const sockets = Array.from({ length: many }, () => connect(Number(port), hostname))
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
  })
  let rounds = 0
  for (; taken < many; rounds += 1) await new Promise((resolve) => setImmediate(resolve))
  t.ok(rounds < many / 2, `${many} connections in ${rounds} rounds of the event loop`)
})

t.test('it is closed when what came through any of its sockets is answered, and not before', async (t) => {
  const app: FastifyInstance = Fastify({ serverFactory: (handle) => new MultiSocketServer({}, handle) })
  const listen = listeningPlugin(app, createLogger({ service: 'api', level: 'silent' }))
  const { promise: go, resolve } = Promise.withResolvers<string>()
  let asked = 0
  app.get('/', (_request, reply) => {
    asked += 1
    reply.header('connection', 'close')
    return go
  })
  const url = await listen({ host: '127.0.0.1', port: 0 })
  const answers = Promise.all(Array.from({ length: 64 }, async () => (await fetch(url)).text()))
  await until('all are asked', async () => asked === 64)
  let answered = false
  const closed = app.close().then(() => answered)
  await until('it listens no more', () =>
    fetch(url).then(
      () => false,
      () => true,
    ),
  )
  setTimeout(() => {
    answered = true
    resolve('fine')
  }, 50)
  t.same(await answers, new Array(64).fill('fine'))
  t.equal(await closed, true)
})

t.test('a port that an API listens on already is refused, and free as soon as that one has closed', async (t) => {
  const { app, url } = await startTestApi(t, env)
  const { port } = new URL(url)
  await t.rejects(startTestApi(t, { ...env, API_PORT: port }), { code: 'EADDRINUSE' })
  const { child, output } = spawnService(t, 'api', { ...env, API_PORT: port })
  const [code] = await once(child, 'exit')
  t.equal(code, 1)
  t.match(output(), /EADDRINUSE/)

  await app.close()
  const { url: again } = await startTestApi(t, { ...env, API_PORT: port })
  t.equal(again, url)
  for (let n = 0; n < 40; n += 1) t.equal((await get(`${url}/health/live`, { connection: 'close' })).status, 200)
})
