import { once } from 'node:events'
import { connect } from 'node:net'
import { environment } from '@ordermill/config'
import { corner } from '@ordermill/servers/testing'
import t from 'tap'
import { get, spawnService, startTestApi } from '../testing.ts'

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
