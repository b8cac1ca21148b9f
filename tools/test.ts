import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { environment } from '@ordermill/config'
import { pruneTestFolders, ServerProblem, serversFolder, startServers } from '@ordermill/servers'
import { TestReport } from './test-report.ts'

// `npm test`: servers of its own, then tap with whatever arguments there are, then nothing left but the result.
const repository = join(import.meta.dirname, '..')
const tap = join(repository, 'node_modules/tap/dist/esm/run.mjs')
const given = ['POSTGRES_DSN', 'REDIS_ADDR', 'RABBITMQ_URL', 'RABBITMQ_MANAGEMENT_URL', 'ELASTICSEARCH_URL']

const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop.abort())
process.on('disconnect', () => stop.abort())
process.channel?.unref()

try {
  process.exitCode = await test(process.argv.slice(2))
} catch (error) {
  process.exitCode = 1
  console.error(error instanceof ServerProblem ? error.message : error)
  console.log('0 passed, 1 failed')
}

async function test(args: string[]): Promise<number> {
  const folder = serversFolder()
  pruneTestFolders(folder)
  const dataDir = join(folder, `test-${process.pid}`)
  // Tests break servers and empty tables: an address in the environment is somebody's, never theirs.
  const machine = Object.fromEntries(Object.entries(environment()).filter(([name]) => !given.includes(name)))
  const servers = await startServers({
    dataDir,
    env: machine,
    log: (line) => console.error(line),
    signal: stop.signal,
  })
  for (const note of servers.notes) console.error(note)
  try {
    const env = { ...machine, ...servers.env }
    if (!existsSync(join(repository, '.tap/test-built'))) await run(['build'], env, (line) => console.log(line))
    const report = new TestReport((line) => console.log(line))
    const code = await run(['run', ...args, '--reporter=tap'], env, (line) => report.read(line))
    const { passed, failed } = report
    const red = code !== 0 || failed > 0 || passed === 0
    if (red) console.error(`Logs and data of the servers: ${dataDir}`)
    else await servers.discard()
    await servers.stop()
    console.log(`${passed} passed, ${red ? Math.max(failed, 1) : 0} failed`)
    return red ? code || 1 : 0
  } finally {
    await servers.stop()
  }
}

/** Runs tap to its end, in a group of its own, which is ended with us. */
function run(args: string[], env: Record<string, string | undefined>, onLine: (line: string) => void): Promise<number> {
  stop.signal.throwIfAborted()
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [tap, ...args], {
      cwd: repository,
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
      detached: true,
    })
    const end = (): void => {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGTERM')
    }
    createInterface({ input: child.stdout }).on('line', onLine)
    stop.signal.addEventListener('abort', end)
    child.once('error', reject)
    child.once('close', (code) => {
      stop.signal.removeEventListener('abort', end)
      resolve(code ?? 1)
    })
  })
}
