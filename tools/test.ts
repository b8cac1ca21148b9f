import { join } from 'node:path'
import { environment } from '@ordermill/config'
import { pruneTestFolders, ServerProblem, serversFolder, startServers } from '@ordermill/servers'
import { runTests } from './tap.ts'

// `npm test`: servers of its own, then tap with whatever arguments there are, then nothing left but the result.
const given = ['POSTGRES_DSN', 'REDIS_ADDR', 'RABBITMQ_URL', 'RABBITMQ_MANAGEMENT_URL', 'ELASTICSEARCH_URL']

const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop.abort())
process.on('disconnect', () => stop.abort())
process.channel?.unref()

try {
  process.exitCode = await test(process.argv.slice(2))
} catch (error) {
  process.exitCode = 1
  if (stop.signal.aborted) console.error('Stopped')
  else console.error(error instanceof ServerProblem ? error.message : error)
  console.log('0 passed, 1 failed')
}

async function test(args: string[]): Promise<number> {
  const folder = serversFolder()
  pruneTestFolders(folder)
  const dataDir = join(folder, `test-${process.pid}`)
  // Tests break servers and empty tables: an address in the environment is somebody's, never theirs.
  const machine = Object.fromEntries(Object.entries(environment()).filter(([name]) => !given.includes(name)))
  const log = (line: string) => console.error(line)
  const servers = await startServers({ dataDir, env: machine, log, signal: stop.signal, brief: true })
  for (const note of servers.notes) log(note)
  try {
    const { code, passed, failed } = await runTests(args, { ...machine, ...servers.env }, stop.signal)
    const red = code !== 0 || failed > 0 || passed === 0
    if (red) log(`Logs and data of the servers: ${dataDir}`)
    else await servers.discard()
    console.log(`${passed} passed, ${red ? Math.max(failed, 1) : 0} failed`)
    return red ? code || 1 : 0
  } finally {
    await servers.kill()
    await servers.stop()
  }
}
