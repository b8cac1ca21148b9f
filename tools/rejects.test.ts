import { join } from 'node:path'
import { environment } from '@ordermill/config'
import { createDatabase, createRejects } from '@ordermill/database'
import { newId, orders } from '@ordermill/model'
import { corner, until } from '@ordermill/servers/testing'
import t from 'tap'
import { get, post, startTestApi, startTestWorker } from '../services/testing.ts'
import { run } from './run-command.ts'

const token = 'for-tests'
const { env } = await corner(t, environment())
const { url } = await startTestApi(t, { ...env, ADMIN_TOKEN: token })
const worker = await startTestWorker(t, env)
const database = createDatabase({
  dsn: env['POSTGRES_DSN'] ?? '',
  name: 'test',
  poolMax: 2,
  timeout_ms: 10_000,
  onLost: () => undefined,
})
t.teardown(() => database.stop())
const command = async (args: string[], more: Record<string, string> = { ADMIN_TOKEN: token }): Promise<string> => {
  const script = join(import.meta.dirname, 'rejects.ts')
  const given = { PATH: environment()['PATH'], ...more }
  const { stdout } = await run(process.execPath, [script, ...args, '--api', url], given)
  return stdout.trim()
}
const rejects = createRejects(database, orders)
const standing = async () =>
  (await get(`${url}/api/admin/search/rejects`, { authorization: `Bearer ${token}` })).body['count']

t.test('what the engine did not take is listed, and tried again, one or all, from a terminal', async (t) => {
  t.equal(await command(['list']), 'nothing is rejected')
  const placed = await Promise.all(
    [1, 2, 3].map((amount) => post(`${url}/api/orders?wait=indexed&wait_ms=30000`, { product_name: 'LAMP', amount })),
  )
  t.same(
    placed.map(({ status }) => status),
    [201, 201, 201],
    'their index is there',
  )
  const ids = placed.map(({ body }) => String(body['order_id']))
  const [row] = await database.query<{ index_uuid: string }>({
    text: `SELECT index_uuid FROM search_cursors WHERE role = 'serving' AND alias NOT LIKE '(%'`,
  })
  const uuid = row?.index_uuid ?? ''
  const gone = newId()
  await worker.stop() // a follower knows its own rejects: of these it hears when it starts
  await rejects.keep(
    uuid,
    [...ids, gone].map((id, at) => ({ id, version: 1, change_seq: at + 1, reason: 'not in this shape' })),
  )
  await startTestWorker(t, env)
  t.match(await command(['list', '--limit', '2']), new RegExp(`^4 in all\n4 {2}${gone}:1 .*not in this shape\n3 {2}`))
  t.same(JSON.parse(await command(['retry', ids[1] ?? '', '--json'])), { retried: 1, gone: 0 })
  await until('the engine takes it', async () => (await standing()) === 3, 30_000)
  t.match(await command(['list', '--id', ids[1] ?? '']), /^3 in all$/)
  t.same(JSON.parse(await command(['retry', '--all', '--json'])), { retried: 2, gone: 1 })
  await until('all are taken or gone', async () => (await standing()) === 0, 30_000)
})

t.test('help is printed, and what is wrong is said with exit code 1', async (t) => {
  t.match(await command(['--help']), /npm run rejects -- retry --all/)
  const table: [string[], RegExp][] = [
    [['retry'], /retry takes the id of a record, or --all/],
    [['retry', newId()], /404: A reject of .* does not exist/],
    [['list', '--limit', '0'], /limit: must be a whole number from 1 to 100/],
    [['lose'], /there is no command lose/],
    [['list', 'a', 'b'], /list takes one id/],
  ]
  for (const [args, said] of table) await t.rejects(command(args), said, args.join(' '))
  await t.rejects(command(['list'], {}), /401: This needs the admin token/)
})
