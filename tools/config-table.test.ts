import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { describeOptions, forTerminal, options } from '@ordermill/config'
import t from 'tap'
import { forMarkdown } from './config-table.ts'

const script = join(import.meta.dirname, 'config.ts')
const run = (env: Record<string, string>, ...args: string[]) =>
  spawnSync(process.execPath, [script, ...args], { env: { PATH: '/usr/bin:/bin', ...env }, encoding: 'utf8' })

t.test('the command prints every option with value and range, marks what is set, and masks secrets', async (t) => {
  const { status, stdout } = run({
    API_PORT: '9000',
    POSTGRES_DSN: 'postgres://ann:hunter2@db/orders',
    ADMIN_TOKEN: 'hunter2',
    RATE_LIMIT: '',
  })
  t.equal(status, 1, 'an empty RATE_LIMIT is no number')
  for (const name of Object.keys(options)) t.match(stdout, new RegExp(`^[* ] ${name} = `, 'm'))
  t.match(stdout, /^\* API_PORT = 9000 {2}\(default 8080; a whole number from 0 to 65535\)$/m)
  t.match(stdout, /^ {2}WORKER_PORT = 9091 {2}\(a whole number from 0 to 65535\)$/m)
  t.match(stdout, /^\* POSTGRES_DSN = \*{5} {2}/m)
  t.match(stdout, /^ {2}REDIS_ADDR = \(nothing\) {2}/m)
  t.match(stdout, /^Not usable:\n {2}RATE_LIMIT is "": it takes a whole number from 0 to 1000000\.$/m)
  t.notMatch(stdout, /hunter2/)
})

t.test('NODE_ENV chooses the defaults: pools and timeouts of production are others', async (t) => {
  const { stdout } = run({ NODE_ENV: 'production' })
  t.match(stdout, /^ {2}DB_POOL_MAX = 20 {2}/m)
  t.match(stdout, /^ {2}DB_TIMEOUT_MS = 3000 {2}/m)
  t.match(stdout, /^ {2}CACHE_TIMEOUT_MS = 500 {2}/m)
  t.match(run({}).stdout, /^ {2}DB_POOL_MAX = 10 {2}/m)
})

t.test('what is right leaves exit code 0', async (t) => {
  t.equal(run({ API_PORT: '1' }).status, 0)
  t.notMatch(forTerminal(describeOptions({ API_PORT: '1' })), /Not usable/)
})

t.test('the table for the docs has one line for each option, and says nothing of what is set', async (t) => {
  const { stdout } = run({ API_PORT: '9000', ADMIN_TOKEN: 'hunter2' }, '--markdown')
  t.equal(stdout, forMarkdown(describeOptions({})))
  const lines = stdout.trim().split('\n')
  t.equal(lines.length, Object.keys(options).length + 2)
  for (const line of lines) t.equal(line.match(/(?<!\\)\|/g)?.length, 6, line)
  t.match(stdout, /^\| `DB_POOL_MAX` \| `10` \| `20` \| a whole number from 1 to 200 \| Most connections/m)
  t.match(stdout, /^\| `ADMIN_TOKEN` \| empty \| required \|/m)
  t.match(stdout, /^\| `POSTGRES_DSN` \| required \| {2}\|/m)
})
