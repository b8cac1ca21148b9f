import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { readCommand } from './command.ts'
import { composedAddresses } from './compose.ts'
import { holderOf, tryLock, unlock, withLock } from './lock.ts'
import { inBrief } from './log-follower.ts'
import { reasonOf, retryAfterMs } from './place-order.ts'
import { portFrom } from './ports.ts'
import { diskFull, explainDisk, toError } from './problem.ts'
import { isRunning, processId } from './process-table.ts'
import { smallProcess } from './services.ts'

t.test('a lock has one holder, and the dead hold nothing', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'ordermill-lock-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'it.lock')
  t.equal(tryLock(path), true)
  t.equal(tryLock(path), false, 'not even for the same process a second time')
  t.equal(holderOf(path)?.pid, process.pid)
  await t.rejects(
    withLock(path, 10, async () => undefined),
    { code: 'NOT_READY' },
  )
  unlock(path)
  t.equal(existsSync(path), false)
  writeFileSync(path, JSON.stringify({ pid: process.pid, started: 'long ago' }))
  t.equal(await withLock(path, 10, async () => 'done'), 'done', 'a pid given to another process is no holder')
})

t.test('a process is known by its pid and the moment it started', async (t) => {
  const own = processId(process.pid)
  t.equal(own && isRunning(own), true)
  t.equal(isRunning({ pid: process.pid, started: 'another time' }), false)
})

t.test('a full disk is one sentence, however it shows', async (t) => {
  const sentence = 'The disk that holds /data is full. Free some space there and start again.'
  t.equal(explainDisk(Object.assign(new Error('write'), { code: 'ENOSPC' }), '/data').message, sentence)
  t.equal(explainDisk(new Error('initdb: error: No space left on device'), '/data').message, sentence)
  const other = new Error('other')
  t.equal(explainDisk(other, '/data'), other)
  t.equal(toError(diskFull('/data')).message, sentence)
})

t.test('a port that is none is one sentence with option and value', async (t) => {
  t.equal(portFrom({}, 'REDIS_PORT', 1), 1)
  t.equal(portFrom({ REDIS_PORT: '7000' }, 'REDIS_PORT', 1), 7000)
  for (const value of ['0', '65536', '1.5', 'tcp://10.0.0.1:6379'])
    t.throws(() => portFrom({ REDIS_PORT: value }, 'REDIS_PORT', 1), {
      message: `REDIS_PORT is "${value}", which is no port: give a whole number from 1 to 65535.`,
    })
})

t.test('the command line is read strictly', async (t) => {
  t.match(readCommand(['--orders', 'a.ndjson', '--exit', '--no-search']), {
    orders: 'a.ndjson',
    exit: true,
    search: false,
  })
  t.match(readCommand([]), { help: false, search: true, exit: false })
  t.throws(() => readCommand(['--exit']), { code: 'BAD_OPTION' })
  t.throws(() => readCommand(['--what']), { code: 'BAD_OPTION' })
  t.throws(() => readCommand(['file']), { code: 'BAD_OPTION' })
})

t.test("a service's log line in brief: from warnings on, with the cause", async (t) => {
  t.equal(inBrief('api', '{"level":"info","msg":"hello"}'), undefined)
  t.equal(inBrief('api', '{"level":30,"msg":"hello"}'), undefined)
  t.equal(
    inBrief('api', '{"level":"warn","component":"cache","msg":"away","err":{"message":"reset"}}'),
    'api cache: away (reset)',
  )
  t.equal(inBrief('api', 'Error: boom'), 'api: Error: boom')
  t.equal(inBrief('api', '{ not json'), 'api: { not json')
})

t.test('Retry-After is seconds or a date, and never more than half a minute', async (t) => {
  const now = Date.parse('2026-01-01T00:00:00Z')
  t.equal(retryAfterMs(undefined), 0)
  t.equal(retryAfterMs('2'), 2_000)
  t.equal(retryAfterMs('Thu, 01 Jan 2026 00:00:05 GMT', now), 5_000)
  t.equal(retryAfterMs('900'), 30_000)
  t.equal(retryAfterMs('soon'), 0)
})

t.test('the reason of a refusal is every fault, else the detail, else what was said', async (t) => {
  const errors = [{ pointer: '/amount', detail: 'must be >= 0' }, { detail: 'is odd' }]
  t.equal(
    reasonOf({ status: 422, body: JSON.stringify({ title: 'Invalid', errors }) }),
    '422 /amount must be >= 0; is odd',
  )
  t.equal(reasonOf({ status: 415, body: '{"title":"Unsupported","detail":"JSON only"}' }), '415 JSON only')
  t.equal(reasonOf({ status: 502, body: 'Bad gateway' }), '502 Bad gateway')
})

t.test('composed servers are found by their published ports and the users they were given', async (t) => {
  const services = {
    postgres: {
      environment: { POSTGRES_USER: 'mill', POSTGRES_PASSWORD: 'p@ss', POSTGRES_DB: 'orders' },
      ports: [{ target: 5432, published: '5433' }],
    },
    redis: { ports: [{ target: 6379, published: 6380 }] },
    rabbitmq: {
      ports: [
        { target: 5672, published: '5672' },
        { target: 15672, published: '15672' },
      ],
    },
    elasticsearch: {},
  }
  t.same(composedAddresses(['postgres', 'redis', 'rabbitmq'], services), {
    POSTGRES_DSN: 'postgres://mill:p%40ss@127.0.0.1:5433/orders',
    REDIS_ADDR: '127.0.0.1:6380',
    RABBITMQ_URL: 'amqp://guest:guest@127.0.0.1:5672',
    RABBITMQ_MANAGEMENT_URL: 'http://guest:guest@127.0.0.1:15672',
  })
  t.throws(() => composedAddresses(['elasticsearch'], services), /no port for elasticsearch:9200/)
})

t.test('the images start the services with the same flags and allocator as npm start', async (t) => {
  const { flags: all, variables } = smallProcess
  for (const [name, flags] of Object.entries(all)) {
    const file = readFileSync(join(import.meta.dirname, `../Dockerfile.${name}`), 'utf8')
    t.ok(file.includes(`["node", ${flags.map((flag) => `"${flag}"`).join(', ')}, `), name)
    for (const [variable, value] of Object.entries(variables)) t.ok(file.includes(`${variable}=${value} `), variable)
  }
})
