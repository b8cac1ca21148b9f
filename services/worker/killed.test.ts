import { once } from 'node:events'
import { environment } from '@ordermill/config'
import { queueLength } from '@ordermill/queue/testing'
import { corner, until } from '@ordermill/servers/testing'
import t from 'tap'
import { spawnService } from '../testing.ts'
import { startLoad } from './testing.ts'

const { env, namespace } = await corner(t, environment())
const rabbitmqUrl = env['RABBITMQ_URL'] ?? ''

t.test('a worker killed three times under load loses nothing, does nothing twice and parks nothing', async (t) => {
  const load = await startLoad(t, { rabbitmqUrl, dsn: env['POSTGRES_DSN'] ?? '', namespace })
  for (let kills = 0; kills < 3; kills += 1) {
    const before = await load.persisted()
    const { child, output } = spawnService(t, 'worker', { ...env, LOG_LEVEL: 'warn' })
    await until('it persists', async () => (await load.persisted()) > before + 500, 30_000).catch((cause: unknown) => {
      throw new Error(output(), { cause })
    })
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  const { child } = spawnService(t, 'worker', env)
  await load.end()
  t.same(await load.allPersisted(), [], 'each of them once, and nothing else')
  t.ok(load.accepted() > 1_500)
  t.equal(await load.parked(), 0)
  child.kill('SIGTERM')
  const [code] = await once(child, 'exit')
  t.equal(code, 0, 'and a signal ends it in order')
  t.equal(await queueLength(rabbitmqUrl, `${namespace}orders.persist`), 0, 'nothing comes back after a clean stop')
})
