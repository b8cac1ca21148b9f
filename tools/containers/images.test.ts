import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { environment } from '@ordermill/config'
import { serversFolder } from '@ordermill/servers'
import { corner, until } from '@ordermill/servers/testing'
import pg from 'pg'
import t, { type Test } from 'tap'
import { type Nobody, nobodyIn, run } from './nobody.ts'
import { runIn, type Service, startService } from './service.ts'
import { buildTree, type Tree } from './tree.ts'

// No engine is needed: the commands of the Dockerfiles' stages are run in clean folders by somebody without rights, and
// what they make is started and used. What stays untried is the base image and the walls of a container.
const repository = join(import.meta.dirname, '../..')
/** What development needs and nothing of ours runs on, as pnpm names its folders. */
const tools = ['@biomejs+biome', 'dclint', 'fast-check', 'knip', 'node', 'tap', 'typescript']
const cache = join(serversFolder(), 'cache/containers')
const nobody = nobodyIn(cache)

if (nobody === undefined) t.plan(0, 'corepack is missing, or is where an unprivileged user cannot run it')
else await tests(nobody)

async function tests(nobody: Nobody): Promise<void> {
  mkdirSync(cache, { recursive: true, mode: 0o755 })
  // A run that was killed leaves its folder: nobody's after an hour.
  for (const left of readdirSync(cache).filter((name) => name.startsWith('build-')))
    if (Date.now() - statSync(join(cache, left)).mtimeMs > 3_600_000) rmSync(join(cache, left), { recursive: true })
  const folder = mkdtempSync(join(cache, 'build-'))
  chmodSync(folder, 0o755)
  t.teardown(async () => {
    await run('chmod', ['-R', 'u+w', folder])
    rmSync(folder, { recursive: true, force: true })
  })
  const build = (dockerfile: string) =>
    buildTree(dockerfile, { repository, folder, account: nobody.account, env: nobody.env })
  const [api, worker] = await Promise.all([build('Dockerfile.api'), build('Dockerfile.worker')])
  // As in the containers, where all of it is root's and the file system is read-only.
  await run('chmod', ['-R', 'a-w', api.root, worker.root])

  t.test('the images hold production dependencies, the sources they run, and no more', async (t) => {
    for (const { workdir } of [api, worker]) {
      t.strictSame(readdirSync(workdir).sort(), ['compiled', 'node_modules', 'packages', 'services'])
      const packages = readdirSync(join(workdir, 'node_modules/.pnpm'))
      const unwanted = tools.filter((name) => packages.some((folder) => folder.startsWith(`${name}@`)))
      t.strictSame(unwanted, [])
      t.ok(packages.some((name) => name.startsWith('fastify@')))
      const ours = readdirSync(workdir, { recursive: true, encoding: 'utf8' }).filter(
        (path) => !path.includes('node_modules/'),
      )
      t.strictSame(
        ours.filter((path) => /\.test\.ts$|(^|\/)testing(\.ts)?$/.test(path)),
        [],
      )
      t.strictSame(await brokenLinks(workdir), '')
    }
    t.strictSame(readdirSync(join(api.workdir, 'services')), ['api'])
    t.strictSame(readdirSync(join(worker.workdir, 'services')), ['worker'])
  })

  t.test('the images run as a user other than root, who can write nothing that they hold', async (t) => {
    for (const tree of [api, worker]) {
      t.match(tree.user, /^[1-9]\d*:[1-9]\d*$/)
      const writable = await runIn(t, ['find', '.', '!', '-type', 'l', '-writable'], tree, nobody, {})
      t.strictSame(writable, { code: 0, output: '' })
    }
  })

  t.test(
    'the images hold all their code with the types taken out: nothing that does so is in the process',
    async (t) => {
      for (const tree of [api, worker]) {
        const words = [...tree.entrypoint, '--help']
        const { code, output } = await runIn(t, words, tree, nobody, { NODE_DEBUG_NATIVE: 'COMPILE_CACHE' })
        t.equal(code, 0)
        t.match(output, /^\* \w+_PORT = /m)
        t.ok(output.split('\n').filter((line) => /transpile cache .*success$/.test(line)).length > 100)
        t.strictSame(
          output.split('\n').filter((line) => line.includes('no transpile cache')),
          [],
        )
      }
    },
  )

  t.test('the API of the image refuses to start in production without ADMIN_TOKEN', async (t) => {
    const env = { POSTGRES_DSN: 'postgres://nowhere', REDIS_ADDR: 'nowhere', RABBITMQ_URL: 'amqp://nowhere' }
    const { code, output } = await runIn(t, api.entrypoint, api, nobody, env)
    t.equal(code, 1)
    t.match(output, /ADMIN_TOKEN/)
  })

  /** Waits until it is ready; then its health check says so. */
  const ready = async (t: Test, service: Service) => {
    await until('it is ready', async () => (await fetch(`${service.url}/health/ready`)).ok)
    t.equal(await service.health(), 0, 'it is healthy')
  }
  t.test(
    'what the images start takes an order, persists it, tells its health, and ends with 0 on SIGTERM',
    async (t) => {
      const { env, dsn } = await containerEnvironment(t)
      const [left, right] = await Promise.all([startService(t, worker, nobody, env), startService(t, api, nobody, env)])
      await Promise.all([ready(t, left), ready(t, right)])

      const accepted = await fetch(`${right.url}/api/orders`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ product_name: 'Jam Making Set', amount: 4.25, currency: 'GBP' }),
      })
      t.equal(accepted.status, 202)
      const { order_id: id } = (await accepted.json()) as { order_id: string }
      t.equal(await until('the order is in Postgres', () => versionOf(dsn, id)), 1)

      t.strictSame(await right.terminate(), { code: 0, signal: null }, right.output())
      t.strictSame(await left.terminate(), { code: 0, signal: null }, left.output())
      t.equal(await right.health(), 1, 'the health check fails where nothing answers')
    },
  )

  t.test(
    'the images start and become healthy while Elasticsearch is away, as docker-compose.yml has them do',
    async (t) => {
      const { env } = await containerEnvironment(t)
      const starts = async (tree: Tree) => {
        const service = await startService(t, tree, nobody, { ...env, ELASTICSEARCH_URL: 'http://127.0.0.1:9' })
        await ready(t, service)
        t.strictSame(await service.terminate(), { code: 0, signal: null }, service.output())
      }
      await Promise.all([api, worker].map(starts))
    },
  )
}

/** Links that lead nowhere, one a line. */
function brokenLinks(folder: string): Promise<string> {
  return run('find', ['-L', folder, '-type', 'l'])
}

/** The environment of docker-compose.yml, with the test servers in it and any free port. */
async function containerEnvironment(t: Parameters<typeof corner>[0]) {
  const { NODE_ENV: _, ...addresses } = (await corner(t, environment())).env
  const env = {
    ...addresses,
    LOG_LEVEL: 'info',
    API_HOST: '127.0.0.1',
    WORKER_HOST: '127.0.0.1',
    ADMIN_TOKEN: 'a token of this test',
  }
  const { POSTGRES_DSN: dsn = '' } = addresses
  return { env, dsn }
}

async function versionOf(dsn: string, id: string): Promise<number | undefined> {
  const client = new pg.Client(dsn)
  await client.connect()
  try {
    const { rows } = await client.query<{ version: number }>('SELECT version FROM orders WHERE id = $1', [id])
    return rows[0]?.version
  } finally {
    await client.end()
  }
}
