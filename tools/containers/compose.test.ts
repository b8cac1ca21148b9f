import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { options } from '@ordermill/config'
import { DCLinter } from 'dclint'
import t from 'tap'
import { parse } from 'yaml'
import { composedAddresses } from '../../servers/compose.ts'
import { apiOptionNames } from '../../services/api/parts.ts'
import { workerOptionNames } from '../../services/worker/options.ts'
import { execForm, parseDockerfile } from './dockerfile.ts'
import { type Found, findCompose, findHadolint } from './linters.ts'
import { run } from './nobody.ts'

interface Service {
  image?: string
  build?: { dockerfile: string }
  depends_on?: Record<string, { condition: string }>
  environment: Record<string, string | null>
  ports: string[]
  volumes?: string[]
  command?: string[]
  healthcheck: { test: string[] }
  restart: string
  mem_limit: string
  stop_grace_period: string
  read_only?: boolean
  tmpfs?: string[]
  cap_drop?: string[]
  security_opt?: string[]
}
interface Compose {
  services: Record<string, Service>
  volumes: Record<string, null>
}

const repository = join(import.meta.dirname, '../..')
const file = join(repository, 'docker-compose.yml')
const { services, volumes } = parse(readFileSync(file, 'utf8'), { merge: true }) as Compose
/** The default of an option that is a number. */
const inProduction = ({ fallback }: (typeof options)['SHUTDOWN_MS']) =>
  Number(typeof fallback === 'object' ? fallback.production : fallback)
const ours = [
  { name: 'api', names: apiOptionNames, margin_ms: 2_000 + inProduction(options.SHUTDOWN_DELAY_MS) },
  { name: 'worker', names: workerOptionNames, margin_ms: 5_000 },
] as const
const serviceOf = (name: string): Service => {
  const service = services[name]
  if (service === undefined) throw new Error(`docker-compose.yml has no service ${name}`)
  return service
}
/** Runs a checker and gives what it said; where it cannot be had, the test is skipped with the reason. */
const check = async (t: { plan(n: number, why: string): void }, found: Found, args: string[]) => {
  if ('missing' in found) return t.plan(0, found.missing)
  return await run(found.program, args, { cwd: repository, env: { PATH: '/usr/bin:/bin', NO_COLOR: '1' } })
}

t.test('docker-compose takes docker-compose.yml', async (t) => {
  const said = await check(t, await findCompose(), ['--file', file, 'config', '--quiet'])
  if (said !== undefined) t.equal(said, '')
})

t.test('hadolint finds nothing in the Dockerfiles', async (t) => {
  const said = await check(t, await findHadolint(), ['Dockerfile.api', 'Dockerfile.worker'])
  if (said !== undefined) t.equal(said, '')
})

t.test('dclint finds nothing in docker-compose.yml', async (t) => {
  const linter = new DCLinter({ rules: {}, quiet: false, debug: false, exclude: [] })
  const found: { messages: { line: number; message: string }[] }[] = linter.lintFiles([file], false)
  t.equal(found.length, 1, 'it has looked at the file')
  t.strictSame(
    found.flatMap(({ messages }) => messages.map(({ line, message }) => `${line}: ${message}`)),
    [],
  )
})

t.test(
  'there are seven services, each with a pinned image, a health check, a limit and a restart after any end',
  async (t) => {
    const names = ['api', 'elasticsearch', 'kibana', 'postgres', 'rabbitmq', 'redis', 'worker']
    t.strictSame(Object.keys(services).sort(), names)
    for (const [name, service] of Object.entries(services)) {
      if (service.build === undefined) t.match(service.image, /:\d+\.\d+(\.\d+)?(-[a-z]+)?$/, `${name} has a version`)
      t.equal(service.restart, 'always', `${name} comes back after a clean exit too`)
      t.ok(service.healthcheck.test.length > 1, `${name} has a health check`)
      t.match(service.mem_limit, /^\d+[mg]$/)
      t.ok(service.ports.length > 0, `${name} can be reached`)
      for (const port of service.ports)
        t.match(port, /^127\.0\.0\.1:\$\{[A-Z_]+:-\d+\}:\d+$/, `${name} is on loopback only`)
    }
  },
)

t.test('docs/containers.md tells of every published port', async (t) => {
  const page = readFileSync(join(repository, 'docs/containers.md'), 'utf8')
  const told = [...page.matchAll(/^\| (\w+) \| (\d+) \| `(\w+)` \|/gm)].map(
    ([, name, port, variable]) => `${name} ${variable} ${port}`,
  )
  const published = Object.entries(services).flatMap(([name, { ports }]) =>
    ports.map((port) => `${name} ${/\{([A-Z_]+):-(\d+)\}/.exec(port)?.slice(1).join(' ')}`),
  )
  t.strictSame(told.sort(), published.sort())
})

t.test('everything that keeps data has a named volume, and the images say where', async (t) => {
  const targets = Object.entries(services).flatMap(([, service]) => service.volumes ?? [])
  t.strictSame(targets.filter((volume) => !volume.startsWith('./')).sort(), [
    'elasticsearch-data:/usr/share/elasticsearch/data',
    'postgres-data:/var/lib/postgresql',
    'rabbitmq-data:/var/lib/rabbitmq',
    'redis-data:/data',
  ])
  t.strictSame(Object.keys(volumes).sort(), targets.flatMap((volume) => /^([a-z-]+):/.exec(volume)?.[1] ?? []).sort())
  t.ok(serviceOf('postgres').volumes?.includes('./init.sql:/docker-entrypoint-initdb.d/init.sql:ro'))
})

t.test('Redis writes its append-only file each second and evicts only what has a TTL', async (t) => {
  const words = (serviceOf('redis').command ?? []).join(' ')
  t.match(words, '--appendonly yes --appendfsync everysec')
  t.match(words, '--maxmemory-policy volatile-lru')
})

t.test("the addresses that 'npm start' takes from docker-compose.yml are whole", async (t) => {
  const resolved = Object.entries(services).map(([name, { ports, environment }]) => {
    const pairs = ports.map((port) => /:-(\d+)\}:(\d+)$/.exec(port))
    return [
      name,
      { environment, ports: pairs.map((pair) => ({ published: pair?.[1] ?? '', target: Number(pair?.[2]) })) },
    ]
  })
  t.match(composedAddresses(['postgres', 'redis', 'rabbitmq', 'elasticsearch'], Object.fromEntries(resolved)), {
    POSTGRES_DSN: /@127\.0\.0\.1:5432\/ordermill$/,
    REDIS_ADDR: '127.0.0.1:6379',
    RABBITMQ_URL: /^amqp:\/\/ordermill:.+@127\.0\.0\.1:5672$/,
    ELASTICSEARCH_URL: 'http://127.0.0.1:9200',
  })
})

for (const { name, names, margin_ms } of ours) {
  const service = serviceOf(name)

  t.test(`the ${name} can be given every option it has, by its name, and nothing else`, async (t) => {
    t.strictSame(Object.keys(service.environment).sort(), [...names].sort())
  })

  t.test(`the ${name} waits for what it cannot work without, and has nothing to write on and no rights`, async (t) => {
    const conditions = Object.entries(service.depends_on ?? {}).map(([on, { condition }]) => `${on} ${condition}`)
    t.strictSame(conditions.sort(), [
      'elasticsearch service_started',
      'postgres service_healthy',
      'rabbitmq service_healthy',
      'redis service_healthy',
    ])
    t.match(service, {
      read_only: true,
      tmpfs: ['/tmp'],
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
    })
  })

  t.test(`the ${name} has the time to stop that its options allow it`, async (t) => {
    const seconds = Number(/^\$\{STOP_GRACE_PERIOD:-(\d+)s\}$/.exec(service.stop_grace_period)?.[1])
    t.ok(seconds * 1_000 > inProduction(options.SHUTDOWN_MS) + margin_ms)
  })

  t.test(`the ${name} is asked for its health alike by the image and by docker-compose.yml`, async (t) => {
    const stages = parseDockerfile(readFileSync(join(repository, `Dockerfile.${name}`), 'utf8'))
    const healthcheck = stages.at(-1)?.instructions.find((instruction) => instruction.name === 'HEALTHCHECK')
    const words = execForm(healthcheck?.rest.replace(/^CMD /, '') ?? '')
    t.strictSame(
      service.healthcheck.test.map((word) => word.replaceAll('$$', '$')),
      ['CMD', ...words],
    )
  })
}
