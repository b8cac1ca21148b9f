import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { environment } from '@ordermill/config'
import { corner, until } from '@ordermill/servers/testing'
import t from 'tap'
import { get, spawnApi } from '../testing.ts'

const { env } = await corner(t, environment())

/** An API in a process of its own, which is ready. */
async function startApi(options: Record<string, string>) {
  const { child, url } = await spawnApi(t, { ...env, ...options })
  await until('the API is ready', async () => (await get(`${url}/health/ready`)).status === 200)
  return { child, url, exited: once(child, 'exit') }
}

/** Asks over a connection that is kept. Gives the status and what is to become of the connection. @throws what the socket says */
function ask(agent: Agent, url: string): Promise<{ status: number; connection: string | undefined }> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { agent }, (answer) => {
      answer.resume()
      answer.once('error', reject)
      answer.once('end', () => resolve({ status: answer.statusCode ?? 0, connection: answer.headers.connection }))
    })
    sent.once('error', reject)
    sent.end()
  })
}

t.test(
  'on SIGTERM it is not ready at once and answers all the same: a balancer that leaves it loses no request',
  async (t) => {
    const { child, url, exited } = await startApi({ SHUTDOWN_DELAY_MS: '5000' })
    const agent = new Agent({ keepAlive: true })
    t.teardown(() => agent.destroy())
    let left = false
    t.teardown(() => {
      left = true
    })
    let answered = 0
    let closing = 0
    const failed: unknown[] = []
    const client = async () => {
      while (!left) {
        const { status, connection } = await ask(agent, `${url}/api/orders`).catch((thrown: unknown) => {
          failed.push(thrown)
          return { status: 0, connection: undefined }
        })
        if (status === 200) answered += 1
        if (connection === 'close') closing += 1
      }
    }
    const clients = Promise.all(Array.from({ length: 16 }, client))
    await until('requests are answered', () => answered > 50)
    child.kill('SIGTERM')
    await until('it says that it is not ready', async () => (await get(`${url}/health/ready`)).status === 503)
    const before = answered
    await until('it goes on answering', () => answered > before + 16)
    left = true
    await clients
    t.same(failed, [])
    t.ok(closing >= 16, 'answers ask to close their connections')
    t.same(await exited, [0, null])
  },
)

t.test('without a delay, and on SIGINT, it stops at once; a second signal ends the delay', async (t) => {
  const [immediate, interrupted, hurried] = await Promise.all([
    startApi({ SHUTDOWN_DELAY_MS: '0' }),
    startApi({ SHUTDOWN_DELAY_MS: '60000' }),
    startApi({ SHUTDOWN_DELAY_MS: '60000' }),
  ])
  immediate.child.kill('SIGTERM')
  interrupted.child.kill('SIGINT')
  hurried.child.kill('SIGTERM')
  t.same(await immediate.exited, [0, null])
  t.same(await interrupted.exited, [0, null])
  await until('it is not ready', async () => (await get(`${hurried.url}/health/ready`)).status === 503)
  hurried.child.kill('SIGTERM')
  t.same(await hurried.exited, [130, null])
})
