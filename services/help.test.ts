import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'
import { apiOptionNames } from './api/parts.ts'
import { workerOptionNames } from './worker/options.ts'

t.test('--help of a service prints the options it reads, with what is set, and starts nothing', async (t) => {
  for (const [name, options] of Object.entries({ api: apiOptionNames, worker: workerOptionNames })) {
    const script = join(import.meta.dirname, name, 'main.ts')
    const env = { PATH: '/usr/bin:/bin', DB_POOL_MAX: '7', POSTGRES_DSN: 'postgres://ann:hunter2@db/orders' }
    const { status, stdout, stderr } = spawnSync(process.execPath, [script, '--help'], { env, encoding: 'utf8' })
    t.equal(status, 0, stderr)
    t.same([...stdout.matchAll(/^[* ] ([A-Z_]+) = /gm)].map(([, option]) => option).sort(), [...options].sort())
    t.match(stdout, /^\* DB_POOL_MAX = 7 {2}/m)
    t.notMatch(stdout, /hunter2/)
  }
})
