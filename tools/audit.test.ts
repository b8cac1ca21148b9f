import { join } from 'node:path'
import { environment } from '@ordermill/config'
import { corner, until } from '@ordermill/servers/testing'
import t from 'tap'
import { post, startTestApi, startTestWorker } from '../services/testing.ts'
import { run } from './run-command.ts'

t.test('npm run audit waits for the audit and prints what it found; it says so where no API answers', async (t) => {
  const { env } = await corner(t, environment())
  const { url } = await startTestApi(t, { ...env, ADMIN_TOKEN: 'open sesame' })
  const { address } = await startTestWorker(t, env)
  await until('the worker is ready', async () => (await fetch(`${address}/health/ready`)).status === 200)
  await post(`${url}/api/orders?wait=indexed&wait_ms=30000`, { product_name: 'LAMP', amount: 1 })
  const command = (token: string, ...args: string[]) =>
    run(process.execPath, [join(import.meta.dirname, 'audit.ts'), ...args], {
      PATH: environment()['PATH'],
      ADMIN_TOKEN: token,
    })
  const { stdout } = await command('open sesame', '--api', url)
  t.match(JSON.parse(stdout), { rows: 1, documents: 1, ranges: 1, left: 0 })
  await t.rejects(command('', '--api', url, '--dry-run'), /401/)
  await t.rejects(command('', '--api', 'http://127.0.0.1:1'), /no API answers at http:\/\/127\.0\.0\.1:1/)
})
