import { join } from 'node:path'
import { environment } from '@ordermill/config'
import { createDatabase } from '@ordermill/database'
import { createSearchClient } from '@ordermill/search'
import { corner, until } from '@ordermill/servers/testing'
import t from 'tap'
import { get, patch, post, startTestApi, startTestWorker } from '../services/testing.ts'
import { run } from './run-command.ts'

t.test('a snapshot that is restored takes the place of the index, and the follower catches up by itself', async (t) => {
  const { env, namespace } = await corner(t, environment())
  const repository = `${namespace}snapshots`
  const client = createSearchClient({ urls: [env['ELASTICSEARCH_URL'] ?? ''], timeout_ms: 30_000 })
  t.teardown(() => client.close())
  t.teardown(() => client.snapshot.deleteRepository({ name: repository }, { ignore: [404] }))
  const command = async (...args: string[]) => {
    const script = join(import.meta.dirname, 'snapshot.ts')
    const said = { PATH: environment()['PATH'], ...env, SNAPSHOT_REPOSITORY: repository }
    return (await run(process.execPath, [script, ...args], said)).stdout.trim()
  }
  await t.rejects(command(), /there is no index/)
  t.match(await command('list'), /^no snapshots in/)
  t.match(await command('nonsense'), /npm run snapshot -- list/)

  const { url } = await startTestApi(t, env)
  const worker = await startTestWorker(t, env)
  const { address } = worker
  const orders = `${url}/api/orders`
  await until('the worker is ready', async () => (await fetch(`${address}/health/ready`)).status === 200)
  const place = async (product_name: string) => {
    const { status, body } = await post(`${orders}?wait=persisted&wait_ms=30000`, { product_name, amount: 1 })
    t.equal(status, 201)
    return String(body['order_id'])
  }
  const untilFound = (expected: string[]) =>
    until(
      `the index knows ${expected}`,
      async () => {
        const { body, headers } = await get(`${url}/api/search?q=vase`)
        const hits = (body['hits'] ?? []) as { order: { id: string; product_name: string } }[]
        const found = hits.map(({ order }) => `${order.id} ${order.product_name}`)
        return headers.get('x-search-engine') === 'elasticsearch' && found.sort().join() === [...expected].sort().join()
      },
      60_000,
    )
  const kept = await place('KEPT VASE')
  const changed = await place('CHANGED VASE')
  await untilFound([`${changed} CHANGED VASE`, `${kept} KEPT VASE`])
  const name = (await command()).split(' ')[0] ?? ''
  t.match(await command('list'), new RegExp(`^${name} {2}\\S+ {2}SUCCESS {2}`))
  const patched = await patch(`${orders}/${changed}?wait=persisted&wait_ms=30000`, { product_name: 'OTHER VASE' })
  t.equal(patched.status, 200)
  const later = await place('LATER VASE')
  const before = Object.keys(await client.indices.getAlias({ name: `${namespace}orders` }))

  await t.rejects(command('restore', 'latest', '--wait', 'long'), /give a number of seconds/)
  await t.rejects(command('restore', 'nothing'), /there is no snapshot nothing/)
  t.match(await command('restore', 'latest'), /restored as .*-restored-\d+; the worker feeds it again/)
  const after = Object.keys(await client.indices.getAlias({ name: `${namespace}orders` }))
  t.equal(after.length, 1)
  t.not(after[0], before[0])
  t.notOk(await client.indices.exists({ index: before }), 'the index that it replaces is gone')
  await untilFound([`${changed} OTHER VASE`, `${kept} KEPT VASE`, `${later} LATER VASE`])
  const audited = await post(`${url}/api/admin/audit`, {})
  t.match(audited.body, { rows: 3, documents: 3, left: 0, found: { missing: 0, different: 0, extra: 0 } })
  t.equal((await fetch(`${address}/health/ready`)).status, 200)

  // One that is connected and never turns to another index.
  await worker.stop()
  const dsn = env['POSTGRES_DSN'] ?? ''
  const idle = createDatabase({
    dsn,
    name: 'ordermill-worker',
    poolMax: 1,
    timeout_ms: 10_000,
    onLost: () => undefined,
  })
  t.teardown(() => idle.stop())
  await idle.query({ text: 'SELECT 1' })
  t.match(await command('restore', 'latest', '--wait', '0'), new RegExp(`is left, to be deleted later: ${after[0]}$`))
  t.ok(await client.indices.exists({ index: after }))
  await idle.stop()
  t.notMatch(await command('restore', 'latest', '--wait', '0'), /is left/, 'where no worker runs nobody writes to it')
  t.match(await command('remove', name), /removed/)
})
