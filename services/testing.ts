import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connectCache } from '@ordermill/cache'
import { openCache } from '@ordermill/cache/testing'
import { environment, readOptions } from '@ordermill/config'
import { createDatabase, createRejects } from '@ordermill/database'
import { orders } from '@ordermill/model'
import { until } from '@ordermill/servers/testing'
import { createLogger } from '@ordermill/telemetry'
import type { FastifyInstance } from 'fastify'
import { buildApp } from './api/app.ts'
import { apiOptionNames } from './api/parts.ts'
import { workerOptionNames } from './worker/options.ts'
import { startWorker, type Worker } from './worker/worker.ts'

type Env = Record<string, string>
interface Teardown {
  teardown(handler: () => Promise<void> | void): void
}

/**
 * The API in this process, listening on any port; stopped in the teardown. A late event loop is the test's own doing here,
 * since both share it: nothing is refused for that unless `env` says so. Nothing was accepted before, so that its cache has
 * nothing to catch up with.
 */
export async function startTestApi(t: Teardown, env: Env): Promise<{ app: FastifyInstance; url: string }> {
  const options = readOptions({ EVENT_LOOP_DELAY_MAX_MS: '0', ...env }, apiOptionNames)
  const { app, listen, brokerReady } = await buildApp(
    options,
    createLogger({ service: 'api', level: options.LOG_LEVEL }),
  )
  t.teardown(() => app.close())
  await brokerReady
  const { promise: away, resolve } = Promise.withResolvers<void>()
  const client = connectCache({
    urls: options.REDIS_ADDR,
    timeout_ms: 5_000,
    onError: () => resolve(),
    onReady: () => undefined,
  })
  t.teardown(() => client.disconnect())
  const parts = { client, collection: orders.name, namespace: options.NAMESPACE, dirtyLimit: options.DIRTY_LIMIT }
  await Promise.race([away, until('the cache is there', () => openCache(parts).catch(() => undefined))])
  const url = await listen({ host: '127.0.0.1', port: options.API_PORT })
  return { app, url }
}

/** The worker in this process; stopped in the teardown. */
export async function startTestWorker(t: Teardown, env: Env): Promise<Worker> {
  const options = readOptions(env, workerOptionNames)
  const worker = await startWorker(options, createLogger({ service: 'worker', level: options.LOG_LEVEL }))
  t.teardown(() => worker.stop())
  return worker
}

/** A service in a process of its own, to be killed; killed at the latest in the teardown. Its output is kept in `output()`. */
export function spawnService(
  t: Teardown,
  service: 'api' | 'worker',
  env: Env,
): { child: ChildProcess; output(): string } {
  const main = new URL(`./${service}/main.ts`, import.meta.url).pathname
  const { NODE_COMPILE_CACHE } = environment()
  const compiled = NODE_COMPILE_CACHE === undefined ? {} : { NODE_COMPILE_CACHE }
  const child = spawn(process.execPath, [main], {
    env: { PATH: '/usr/bin:/bin', ...compiled, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (data: Buffer) => {
      said = (said + data.toString()).slice(-200_000)
    })
  t.teardown(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  })
  return { child, output: () => said }
}

/** Starts an API as a process of its own, and waits until it listens: it took twenty seconds where other files were starting servers beside it. */
export async function spawnApi(t: Teardown, env: Env): Promise<ReturnType<typeof spawnService> & { url: string }> {
  const spawned = spawnService(t, 'api', { ...env, LOG_LEVEL: 'info' })
  const address = () => /"address":"([^"]+)"/.exec(spawned.output())?.[1]
  return { ...spawned, url: await until('the API listens', address, 45_000) }
}

/** What came back: the body is {} where there is none. */
export interface Answer {
  status: number
  headers: Headers
  body: Record<string, unknown>
}

/** Sends a request; a body that is not text or bytes is sent as JSON. */
export async function send(
  method: string,
  url: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const payload = typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body)
  const response = await fetch(url, {
    method,
    headers: body === undefined ? headers : { 'content-type': 'application/json', ...headers },
    ...(body === undefined ? {} : { body: payload as string }),
  })
  const text = await response.text()
  return {
    status: response.status,
    headers: response.headers,
    body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>),
  }
}

export const post = (url: string, body: unknown, headers: Record<string, string> = {}) =>
  send('POST', url, body, headers)
export const get = (url: string, headers: Record<string, string> = {}) => send('GET', url, undefined, headers)
export const patch = (url: string, body: unknown, headers: Record<string, string> = {}) =>
  send('PATCH', url, body, headers)
export const remove = (url: string, headers: Record<string, string> = {}) => send('DELETE', url, undefined, headers)

/** Does `work` for 0 to `count` - 1, `at_once` at a time. */
export async function many(count: number, at_once: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0
  const one = async () => {
    while (next < count) await work(next++)
  }
  await Promise.all(Array.from({ length: at_once }, one))
}

/** Records that an index, which nobody feeds, did not take this record. */
export async function placeReject(t: Teardown, { POSTGRES_DSN: dsn = '' }: Env, id: string): Promise<void> {
  const database = createDatabase({ dsn, name: 'reject', poolMax: 1, timeout_ms: 10_000, onLost: () => undefined })
  t.teardown(() => database.stop())
  const reject = { id, version: 1, change_seq: 1, reason: 'placed' }
  await createRejects(database, orders).keep('elsewhere', [reject])
}

/** Puts messages that nobody can read into the ledger of parked records; gives their numbers. */
export async function placeParked(t: Teardown, env: Env, count: number): Promise<number[]> {
  const { POSTGRES_DSN: dsn = '' } = env
  const database = createDatabase({ dsn, name: 'parked', poolMax: 1, timeout_ms: 10_000, onLost: () => undefined })
  t.teardown(() => database.stop())
  const rows = await database.query<{ n: number }>({
    text: `INSERT INTO parked (collection, identity, routing_key, code, reason, fingerprint, body, headers, properties)
      SELECT 'orders', 'placed-' || i, 'orders', 'unreadable', 'placed', 'placed', convert_to('{' || i, 'UTF8'),
        json_build_object('i', i), '{}' FROM generate_series(1, $1) AS i RETURNING n`,
    values: [count],
  })
  return rows.map(({ n }) => n)
}
