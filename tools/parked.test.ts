import { join } from 'node:path'
import { environment } from '@ordermill/config'
import { corner, until } from '@ordermill/servers/testing'
import t from 'tap'
import { get, placeParked, startTestApi, startTestWorker } from '../services/testing.ts'
import { run } from './run-command.ts'

const token = 'for-tests'
const { env } = await corner(t, environment())
const { url } = await startTestApi(t, { ...env, ADMIN_TOKEN: token })
await startTestWorker(t, env)
const command = async (args: string[], more: Record<string, string> = { ADMIN_TOKEN: token }): Promise<string> => {
  const script = join(import.meta.dirname, 'parked.ts')
  const { stdout } = await run(process.execPath, [script, ...args, '--api', url], {
    PATH: environment()['PATH'],
    ...more,
  })
  return stdout.trim()
}

t.test('what is parked is listed, shown, tried out, replayed and discarded from a terminal', async (t) => {
  t.equal(await command(['list']), 'nothing is parked')
  const [first = 0, second = 0] = await placeParked(t, env, 3)
  t.match(await command(['list', '--limit', '2']), /^3 × unreadable \(placed\), oldest .*: placed\n\n3 {2}.*\n2 {2}/)
  t.match(JSON.parse(await command(['show', String(first)])), { n: first, body: '{1', state: 'PARKED' })
  t.match(JSON.parse(await command(['dry-run', String(first)])), { passes: false, code: 'unreadable' })
  t.same(JSON.parse(await command(['replay', String(first), '--json'])), { replayed: 1, held: 0 })
  await until('it comes back, as what it really is', async () => {
    const { body } = await get(`${url}/api/admin/parked`, { authorization: `Bearer ${token}` })
    return (body['parked'] as object[]).length === 3 && (body['groups'] as object[]).length === 2
  })
  const why = ['--reason', 'no order', '--by', 'sam']
  t.match(JSON.parse(await command(['discard', String(second), ...why])), {
    state: 'DISCARDED',
    discards: [{ by: 'sam', reason: 'no order' }],
  })
  t.match(JSON.parse(await command(['replay', '--code', 'unreadable', '--json'])), { replayed: 2 })
})

t.test('help is printed, and what is wrong is said with exit code 1', async (t) => {
  t.match(await command(['--help']), /npm run parked -- dry-run N/)
  const table: [string[], RegExp][] = [
    [['show'], /show takes the number of a record/],
    [['show', 'x'], /show takes the number of a record/],
    [['show', '999'], /404: The parked record 999 does not exist/],
    [['discard', '1'], /discard takes --reason/],
    [['replay'], /or --code, --group or --all/],
    [['list', '--limit', '0'], /limit: must be a whole number from 1 to 100/],
    [['lose'], /there is no command lose/],
    [['list', '--lose'], /Unknown option '--lose'/],
  ]
  for (const [args, said] of table) await t.rejects(command(args), said, args.join(' '))
  await t.rejects(command(['list'], {}), /401: This needs the admin token/)
})
