import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import pg from 'pg'
import { accountOf, ownFolder } from './account.ts'
import type { Missing } from './install.ts'
import type { Plan, Site } from './plan.ts'
import { type Env, findProgram, foldersLike, pathOf, run } from './programs.ts'

const NAME = 'ordermill'
const VERSION_MIN = 15

/** What to install when there is no PostgreSQL. */
export const postgresMissing: Missing = {
  title: 'PostgreSQL 15 or later',
  aptPackage: 'postgresql',
  hint: 'PostgreSQL 15 or later (https://www.postgresql.org/download/)',
}

/** The folder of PostgreSQL's programs, the highest version first; undefined when there is none. */
export function findPostgres(env: Env): string | undefined {
  const versioned = [
    ...foldersLike('/usr/lib/postgresql/*/bin'),
    ...foldersLike('/usr/pgsql-*/bin'),
    ...foldersLike('/opt/homebrew/opt/postgresql@*/bin'),
  ].filter((folder) => Number(/(\d+)\/bin$/.exec(folder)?.[1]) >= VERSION_MIN)
  const initdb = findProgram('initdb', env, versioned)
  return initdb && findProgram('postgres', env, [dirname(initdb)]) && dirname(initdb)
}

/** PostgreSQL on loopback, durable (fsync stays on), one database and one user of our name. */
export async function planPostgres(site: Site): Promise<Plan> {
  const programs = findPostgres(site.env) ?? ''
  const account = accountOf('postgres')
  const dataDir = join(site.folder, 'postgres')
  const data = join(dataDir, 'data')
  const port = await site.port('POSTGRES_PORT')
  const url = `postgres://${NAME}:${NAME}@127.0.0.1:${port.number}/${NAME}`
  const env = { PATH: pathOf(site.env), LC_ALL: 'C.UTF-8', TZ: 'UTC' }
  return {
    name: 'postgres',
    title: 'PostgreSQL',
    command: join(programs, 'postgres'),
    args: ['-D', data, ...settings(port.number, dataDir)],
    env,
    account,
    dataDir,
    logFile: join(site.folder, 'postgres.log'),
    ports: [port],
    url,
    variables: { POSTGRES_DSN: url },
    // SIGINT is its fast shutdown: sessions are ended, the data is written out.
    stopSignal: 'SIGINT',
    stopTimeoutMs: 20_000,
    readyTimeoutMs: 60_000,
    async prepare(signal) {
      ownFolder(dataDir, account)
      if (existsSync(data)) return
      const fresh = join(dataDir, 'fresh')
      const password = join(dataDir, 'password')
      rmSync(fresh, { recursive: true, force: true })
      writeFileSync(password, NAME)
      const access = ['--username', NAME, '--pwfile', password, '--auth', 'scram-sha-256']
      const locale = ['--encoding', 'UTF8', '--locale', process.platform === 'darwin' ? 'en_US.UTF-8' : 'C.UTF-8']
      const options = { cwd: dataDir, env, signal, ...account }
      await run(join(programs, 'initdb'), ['-D', fresh, ...access, ...locale], options)
      // Only a finished cluster gets its name: one that was cut short is made again.
      renameSync(fresh, data)
    },
    ready: () => ensureDatabase(url),
  }
}

function settings(port: number, dataDir: string): string[] {
  // A socket's path must fit into 107 bytes, or the server refuses to start.
  const sockets = Buffer.byteLength(`${dataDir}/.s.PGSQL.${port}`) < 108 ? dataDir : ''
  const values = {
    listen_addresses: '127.0.0.1',
    port,
    unix_socket_directories: sockets,
    fsync: 'on',
    shared_buffers: '256MB',
    max_connections: 200,
    timezone: 'UTC',
    log_timezone: 'UTC',
    log_checkpoints: 'off',
  }
  return Object.entries(values).flatMap(([name, value]) => ['-c', `${name}=${value}`])
}

/** Throws until the server takes queries; then sees to it that the database is there. */
async function ensureDatabase(url: string): Promise<void> {
  const target = new URL(url)
  target.pathname = '/postgres'
  const client = new pg.Client({ connectionString: target.href, connectionTimeoutMillis: 5_000 })
  client.on('error', () => undefined)
  await client.connect()
  try {
    const { rowCount } = await client.query('select 1 from pg_database where datname = $1', [NAME])
    if (rowCount === 0) await client.query(`create database ${NAME}`)
  } finally {
    await client.end()
  }
}
