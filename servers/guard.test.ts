import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { environment } from '@ordermill/config'
import t from 'tap'
import { serversFolder } from './folders.ts'
import { isRunning, type ProcessId, processId, processTree } from './process-table.ts'
import { waitFor } from './waiting.ts'

const parent = `
  import { startServers } from ${JSON.stringify(join(import.meta.dirname, 'start.ts'))}
  const [dataDir] = process.argv.slice(1)
  const which = ['postgres', 'redis', 'rabbitmq']
  const { servers } = await startServers({ dataDir, which, env: JSON.parse(process.argv[2]) })
  console.log(JSON.stringify(which.map((name) => servers[name].pid)))
`

t.test('when the parent is killed by SIGKILL, its servers end and leave nothing behind', async (t) => {
  const dataDir = join(serversFolder(), `test-${process.pid}-guard`)
  t.teardown(() => rmSync(dataDir, { recursive: true, force: true }))
  const { PATH, HOME } = environment()
  const args = ['--input-type=module', '--eval', parent, '--', dataDir, JSON.stringify({ PATH, HOME })]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], env: { PATH, HOME } })
  t.teardown(() => child.kill('SIGKILL'))
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  const ids = [child.pid ?? 0, ...(JSON.parse(line) as number[])].map(processId)
  const all = ids.flatMap((id) => (id ? processTree(id) : [])) as ProcessId[]
  // The broker brings its name service, Postgres its workers, the parent its guard.
  t.ok(all.length > 10, `${all.length} processes run`)
  child.kill('SIGKILL')
  await waitFor(() => (all.some(isRunning) ? undefined : true), { timeoutMs: 30_000 })
  t.same(all.filter(isRunning), [], 'none of them runs any more')
})
