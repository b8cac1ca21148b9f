import { statSync } from 'node:fs'
import { join } from 'node:path'
import { environment } from '@ordermill/config'
import pg from 'pg'
import t from 'tap'
import type { ServerName } from './plan.ts'
import { type OwnServer, startServer } from './start-one.ts'
import { waitFor } from './waiting.ts'

t.jobs = 4

/** Starts a server, lets `write` leave something in it, kills it hard, starts it again: same address, data there. */
const recovers = (
  name: ServerName,
  write: (server: OwnServer) => Promise<void>,
  read: (server: OwnServer) => Promise<unknown>,
) =>
  t.test(`${name} comes back after kill -9 on the same port with its data`, async (t) => {
    const server = await startServer(name, { env: environment() })
    t.teardown(() => server.remove())
    const { pid, url } = server
    await write(server)
    await server.kill('SIGKILL')
    t.equal(server.pid, undefined, 'it is gone')
    await t.rejects(read(server), 'and does not answer')
    await server.start()
    t.not(server.pid, pid)
    t.equal(server.url, url)
    t.equal(await read(server), 'kept')
  })

const call = async (url: string, method: string, body?: unknown): Promise<unknown> => {
  const { origin, pathname, search, username, password } = new URL(url)
  const headers = {
    'content-type': 'application/json',
    // A connection kept from before the kill would only fail.
    connection: 'close',
    ...(username ? { authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` } : {}),
  }
  const answer = await fetch(origin + pathname + search, {
    method,
    headers,
    ...(body ? { body: JSON.stringify(body) } : {}),
  })
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`)
  const text = await answer.text()
  return text === '' ? undefined : JSON.parse(text)
}

const query = async (server: OwnServer, sql: string): Promise<unknown> => {
  const client = new pg.Client({ connectionString: server.env.POSTGRES_DSN })
  await client.connect()
  try {
    const { rows } = await client.query(sql)
    return rows[0]?.value
  } finally {
    await client.end()
  }
}

recovers(
  'postgres',
  async (server) => {
    await query(server, "create table things as select 'kept' as value")
  },
  (server) => query(server, 'select value from things'),
)

recovers(
  'rabbitmq',
  async (server) => {
    const management = server.env.RABBITMQ_MANAGEMENT_URL
    const declaredAt = Date.now()
    await call(`${management}/api/queues/%2F/things`, 'PUT', { durable: true, arguments: { 'x-queue-type': 'quorum' } })
    const message = {
      properties: { delivery_mode: 2 },
      routing_key: 'things',
      payload: 'kept',
      payload_encoding: 'string',
    }
    await call(`${management}/api/exchanges/%2F/amq.default/publish`, 'POST', message)
    // The broker notes its quorum queues in a file that it saves twice a second: one killed before that has the
    // queue's name after the restart, but answers nothing about it.
    const names = join(server.dataDir, 'data/ordermill@localhost/quorum/ordermill@localhost/names.dets')
    await waitFor(() => (statSync(names).mtimeMs > declaredAt + 500 ? true : undefined), { timeoutMs: 5_000 })
  },
  async (server) => {
    const get = { count: 1, ackmode: 'ack_requeue_true', encoding: 'auto' }
    const got = await call(`${server.env.RABBITMQ_MANAGEMENT_URL}/api/queues/%2F/things/get`, 'POST', get)
    return Array.isArray(got) ? got[0]?.payload : got
  },
)

recovers(
  'elasticsearch',
  async (server) => {
    await call(`${server.url}/things/_doc/1`, 'PUT', { value: 'kept' })
  },
  async (server) => {
    const found = (await call(`${server.url}/things/_doc/1`, 'GET')) as { _source: { value: string } }
    return found._source.value
  },
)
