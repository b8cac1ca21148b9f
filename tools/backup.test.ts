import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { environment } from '@ordermill/config'
import { corner, until } from '@ordermill/servers/testing'
import t from 'tap'
import { get, patch, post, startTestApi, startTestWorker } from '../services/testing.ts'
import { run } from './run-command.ts'

t.test('what was backed up is there again after a restore, in the database, the cache and the index', async (t) => {
  const { env } = await corner(t, environment())
  const folder = mkdtempSync(join(tmpdir(), 'ordermill-backup-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'orders.dump')
  const command = (name: string) =>
    run(process.execPath, [join(import.meta.dirname, 'backup.ts'), name, file], { PATH: environment()['PATH'], ...env })
  const body = (name: string) => ({ product_name: name, amount: 1 })

  const first = await startTestApi(t, env)
  const firstWorker = await startTestWorker(t, env)
  const orders = `${first.url}/api/orders`
  const kept = String((await post(`${orders}?wait=persisted&wait_ms=30000`, body('KEPT VASE'))).body['order_id'])
  await command('backup')
  await t.rejects(command('restore'), /stop these first: ordermill-/, 'while services run it is refused')
  await patch(`${orders}/${kept}?wait=persisted&wait_ms=30000`, { product_name: 'CHANGED VASE' })
  const lost = String((await post(`${orders}?wait=persisted&wait_ms=30000`, body('LATER VASE'))).body['order_id'])
  await firstWorker.stop()
  await first.app.close()

  await command('restore')
  const { url } = await startTestApi(t, env)
  await startTestWorker(t, env)
  t.match((await get(`${url}/api/orders/${kept}`)).body, { version: 1, product_name: 'KEPT VASE' })
  t.equal((await get(`${url}/api/orders/${lost}`)).status, 404)
  const found = await until('the index is filled again', async () => {
    const { status, body } = await get(`${url}/api/search?q=vase`)
    return status === 200 && Number(body['total']) > 0 && body
  })
  t.match(found, { total: 1, hits: [{ order: { id: kept, product_name: 'KEPT VASE' } }] })
  t.match(await patch(`${url}/api/orders/${kept}?wait=persisted&wait_ms=30000`, { quantity: 2 }), {
    status: 200,
    body: { version: 2 },
  })
})
