import { environment } from '@ordermill/config'
import { migrate } from '@ordermill/database/migrate'
import { startServer } from '@ordermill/servers'
import { corner, until } from '@ordermill/servers/testing'
import t from 'tap'
import { startTestWorker } from '../testing.ts'
import { startLoad } from './testing.ts'

const { env, namespace } = await corner(t, environment())
const rabbitmqUrl = env['RABBITMQ_URL'] ?? ''

t.test(
  'orders that flow while Postgres is stopped, and then killed, are all persisted once it is back, and none is parked',
  async (t) => {
    const server = await startServer('postgres', { env: environment() })
    t.teardown(() => server.remove())
    await migrate(server.url, 'up')
    const worker = await startTestWorker(t, { ...env, POSTGRES_DSN: server.url, MESSAGE_TIMEOUT_MS: '1000' })
    let failed: unknown
    worker.failed.catch((error: unknown) => {
      failed = error
    })
    const load = await startLoad(t, { rabbitmqUrl, dsn: server.url, namespace })
    const flowsOn = async (count: number) => {
      const before = load.accepted()
      await until('orders flow in', () => load.accepted() > before + count, 30_000)
    }
    await until('orders are persisted', async () => (await load.persisted()) > 200, 30_000)
    for (const breaking of [() => server.stop(), () => server.kill('SIGKILL')]) {
      await breaking()
      await flowsOn(600)
      await server.start()
      const before = await load.persisted()
      await until('orders are persisted again', async () => (await load.persisted()) > before + 200, 30_000)
    }
    await server.kill('SIGSTOP')
    await flowsOn(300)
    await server.kill('SIGCONT')
    await load.end()
    t.same(await load.allPersisted(), [], 'each of them once, and nothing else')
    t.ok(load.accepted() > 1_500)
    t.equal(await load.parked(), 0)
    t.equal(failed, undefined)
  },
)
