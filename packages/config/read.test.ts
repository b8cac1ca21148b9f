import t from 'tap'
import { ConfigError, describeOptions, type Options, options, readOptions } from './index.ts'

const names = Object.keys(options) as (keyof Options)[]
const needed = {
  POSTGRES_DSN: 'postgres://localhost/db',
  REDIS_ADDR: 'localhost:6379',
  RABBITMQ_URL: 'amqp://localhost',
}

function faultsOf(env: Record<string, string>, some: (keyof Options)[] = names): string[] {
  try {
    readOptions(env, some)
    return []
  } catch (thrown) {
    if (!(thrown instanceof ConfigError)) throw thrown
    return thrown.faults
  }
}

t.test(
  'with the addresses of the servers alone, every other option has a default that is in its own range',
  async (t) => {
    for (const NODE_ENV of ['development', 'test']) t.strictSame(faultsOf({ ...needed, NODE_ENV }), [], NODE_ENV)
    const read = readOptions(needed, names)
    t.match(read, {
      NODE_ENV: 'development',
      API_PORT: 8080,
      WORKER_PORT: 9091,
      ELASTICSEARCH_URL: [],
      ADMIN_TOKEN: '',
    })
    t.strictSame(read.MV_REFRESH_SCHEDULE, { cron: '0 * * * *' })
  },
)

t.test('production listens to everybody, has a larger pool, and insists on an ADMIN_TOKEN', async (t) => {
  const some = ['API_HOST', 'WORKER_HOST', 'DB_POOL_MAX'] as const
  t.strictSame(readOptions({ NODE_ENV: 'production' }, some), {
    API_HOST: '0.0.0.0',
    WORKER_HOST: '0.0.0.0',
    DB_POOL_MAX: 20,
  })
  t.strictSame(readOptions({}, some), { API_HOST: '127.0.0.1', WORKER_HOST: '127.0.0.1', DB_POOL_MAX: 10 })
  for (const ADMIN_TOKEN of [undefined, ''])
    t.match(faultsOf({ ...needed, NODE_ENV: 'production', ...(ADMIN_TOKEN === undefined ? {} : { ADMIN_TOKEN }) }), [
      /^ADMIN_TOKEN is missing: Bearer token of \/api\/admin/,
    ])
  t.strictSame(faultsOf({ ...needed, NODE_ENV: 'production', ADMIN_TOKEN: 'open sesame' }), [])
})

t.test('everything that is missing or wrong is told at once, with option, value and range', async (t) => {
  const faults = faultsOf({ API_PORT: '70000', LOG_LEVEL: 'loud', RABBITMQ_URL: '', MV_REFRESH_SCHEDULE: 'often' })
  t.equal(faults.length, 6)
  const text = faults.join('\n')
  t.match(text, /^POSTGRES_DSN is missing: Postgres, the source of truth\. It takes a URL \(postgres:/m)
  t.match(text, /^REDIS_ADDR is missing: .* It takes host:port/m)
  t.match(text, /^RABBITMQ_URL is missing: .* It takes one or several URLs \(amqp:, amqps:\)/m)
  t.match(text, /^API_PORT is "70000": it takes a whole number from 0 to 65535\.$/m)
  t.match(text, /^LOG_LEVEL is "loud": it takes trace, debug, info, warn, error, fatal, silent\.$/m)
  t.match(text, /^MV_REFRESH_SCHEDULE is "often": it takes five or six cron fields/m)
  t.match(new ConfigError(faults).message, /^The configuration is not usable:\n {2}LOG_LEVEL is /)
})

t.test('no secret is ever told: not in a fault, not in the table of options', async (t) => {
  const env = {
    POSTGRES_DSN: 'mysql://ann:hunter2@db',
    REDIS_ADDR: 'http://:hunter2@cache',
    RABBITMQ_URL: 'hunter2',
    ELASTICSEARCH_URL: 'ftp://hunter2',
    ADMIN_TOKEN: `hunter2${'x'.repeat(5_000)}`,
  }
  const faults = faultsOf(env)
  t.equal(faults.length, 5)
  for (const fault of faults) t.match(fault, /^\w+ is \*{5}: it takes /)
  t.notMatch(faults.join(), /hunter2/)
  t.notMatch(JSON.stringify(describeOptions(env)), /hunter2/)
  t.equal(describeOptions(env).filter(({ value }) => value === '*****').length, 5)
})

t.test('the table of options says for each what it is for, its range, its default and what is set', async (t) => {
  const rows = describeOptions({ API_PORT: '9000', NODE_ENV: 'production' })
  t.strictSame(
    rows.map(({ name }) => name),
    names,
  )
  for (const { name, about, range } of rows) {
    t.match(about, /^[A-Z].*\.$/, name)
    t.ok(range.length > 3, name)
  }
  const row = (name: string) => rows.find((one) => one.name === name)
  t.match(row('API_PORT'), { value: '9000', set: true, fallback: '8080' })
  t.match(row('API_HOST'), { value: '0.0.0.0', set: false, fallback: '0.0.0.0' })
  t.match(row('POSTGRES_DSN'), { value: '', set: false, fallback: '' })
})

t.test('only the options asked for are read', async (t) => {
  t.strictSame(readOptions({ API_PORT: '1', POSTGRES_DSN: 'nonsense' }, ['API_PORT']), { API_PORT: 1 })
})
