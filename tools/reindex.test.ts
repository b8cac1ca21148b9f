import { join } from 'node:path'
import { environment } from '@ordermill/config'
import { createSearchClient } from '@ordermill/search'
import { corner, until } from '@ordermill/servers/testing'
import t from 'tap'
import { post, startTestApi, startTestWorker } from '../services/testing.ts'
import { run } from './run-command.ts'

const { env, namespace } = await corner(t, environment())
const alias = `${namespace}orders`
const client = createSearchClient({ urls: [env['ELASTICSEARCH_URL'] ?? ''], timeout_ms: 30_000 })
t.teardown(() => client.close())
const { url } = await startTestApi(t, { ...env, ADMIN_TOKEN: 'open sesame' })
const command = async (...args: string[]) => {
  const script = join(import.meta.dirname, 'reindex.ts')
  const own = { PATH: environment()['PATH'], ADMIN_TOKEN: 'open sesame' }
  return (await run(process.execPath, [script, '--api', url, ...args], own)).stdout.trim()
}
/** The lines of `status`, once one of them is like this. */
const untilSaid = (what: RegExp) =>
  until(
    `status says ${what}`,
    async () => {
      const said = await command('status')
      return what.test(said) && said
    },
    60_000,
  )

t.test('npm run reindex says how it is used, and what it cannot do', async (t) => {
  t.match(await command(), /^npm run reindex -- start/)
  await t.rejects(command('nonsense'), /there is no command nonsense/)
  await t.rejects(command('status', 'more'), /status takes nothing more/)
  await t.rejects(command('status', '--api', 'http://127.0.0.1:1'), /no API answers/)
  for (const nothing of ['cancel', 'rollback', 'drop']) await t.rejects(command(nothing), /404/)
})

t.test('a reindex that no worker has taken yet is cancelled', async (t) => {
  t.match(JSON.parse(await command('start', '--accept-rejects', '--json')), {
    kind: 'reindex',
    arguments: { accept_rejects: true },
  })
  await t.rejects(command('start'), /A reindex is running/)
  t.match(await command('status'), /^job \S+: OPEN$/)
  await command('cancel')
  t.match(await command('status'), /^job \S+: CANCELLED/)
  await t.rejects(command('cancel'), /The reindex has ended/)
})

t.test('another number of shards is said, and had by a reindex; back, and the other one dropped', async (t) => {
  const first = await startTestWorker(t, { ...env, INDEX_SHARDS: '1' })
  await post(`${url}/api/orders?wait=indexed&wait_ms=30000`, { product_name: 'LAMP', amount: 1 })
  const [, before] = /^serving {2}(\S+) {2}at change 1$/m.exec(await untilSaid(/at change 1$/m)) ?? []
  await first.stop()
  await startTestWorker(t, { ...env, INDEX_SHARDS: '2' })
  t.match(await untilSaid(/differs/), `serving  ${before}  at change 1  (differs in (shards): reindex)`)
  await command('start')
  const said = await untilSaid(/COMPLETED|FAILED/)
  const [, after = ''] = /^serving {2}(\S+) {2}at change 1$/m.exec(said) ?? []
  t.match(said, new RegExp(`^kept {2}${before} {2}at change 1`, 'm'))
  t.match(said, /COMPLETED.*rows 1/)
  const settings = await client.indices.getSettings({ index: alias, flat_settings: true })
  t.match(settings, { [after]: { settings: { 'index.number_of_shards': '2' } } })
  await t.rejects(command('start'), /An index is kept/)
  t.match(JSON.parse(await command('rollback')), { index: before, previous: after })
  t.same(Object.keys(await client.indices.getAlias({ name: alias })), [before])
  t.match(JSON.parse(await command('drop')), { dropped: [after] })
  t.notMatch(await command('status'), /^kept/m)
})
