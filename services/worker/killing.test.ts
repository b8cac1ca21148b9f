import { once } from 'node:events'
import { environment } from '@ordermill/config'
import { createDatabase, createReader } from '@ordermill/database'
import { orders, type Version } from '@ordermill/model'
import { firstOrder } from '@ordermill/model/testing'
import { createPublisher, recordMessage, topologyOf } from '@ordermill/queue'
import { corner, until } from '@ordermill/servers/testing'
import t, { type Test } from 'tap'
import { spawnService } from '../testing.ts'

const machine = environment()
/** A corner with so many orders in its queue, and a way to look at what became of them. */
const filled = async (t: Test, versions: Version[]) => {
  const { env, namespace } = await corner(t, machine)
  const onLost = () => undefined
  const dsn = env['POSTGRES_DSN'] ?? ''
  const database = createDatabase({ dsn, name: 'test', poolMax: 3, timeout_ms: 10_000, onLost })
  t.teardown(() => database.stop())
  const topology = topologyOf(['orders'], { namespace, lengthMax: 1_000_000 })
  const urls = [env['RABBITMQ_URL'] ?? '']
  const publisher = createPublisher({ urls, name: 'p', topology, window: 4_096, timeout_ms: 10_000, onLost })
  t.teardown(() => publisher.stop(0))
  await publisher.ready
  const envelope = { exchange: topology.exchange, collection: 'orders', type: orders.type }
  await Promise.all(versions.map((version) => publisher.publish(recordMessage(version, envelope))))
  const stored = createReader(database, orders)
  return {
    env: { ...env, LOG_LEVEL: 'warn', BATCH_MAX: '20' },
    query: <R extends object>(text: string) => database.query<R & Record<string, unknown>>({ text }),
    /** How many of them stand in Postgres. */
    async persisted() {
      const found = await stored.readMany(versions.map(({ id }) => id))
      return found.filter((version) => version !== undefined).length
    },
  }
}

t.test(
  'orders that kill every worker that tries them are parked after a few deaths each, all others are persisted',
  async (t) => {
    const good = Array.from({ length: 100 }, () => firstOrder())
    const killers = Array.from({ length: 2 }, () => firstOrder({ product_name: 'KILLER' })) // in one bundle
    const all = [...good.slice(0, 50), ...killers, ...good.slice(50)]
    const { env, query, persisted } = await filled(t, all)
    const preload = new URL('./testing-killer.ts', import.meta.url).href
    let deaths = 0
    for (;;) {
      const { child, output } = spawnService(t, 'worker', { ...env, NODE_OPTIONS: `--import ${preload}` })
      const died = once(child, 'exit').then(() => true)
      const done = until('they are parked', async () => (await query('SELECT FROM parked')).length > 1, 60_000)
      done.catch(() => undefined)
      if (!(await Promise.race([died, done.then(() => false)]))) {
        await until('the others are persisted', async () => (await persisted()) === good.length, 60_000)
        break
      }
      deaths += 1
      t.equal(child.signalCode, 'SIGKILL', output())
      if (deaths > 12) throw new Error('they are not parked')
    }
    t.comment(`${deaths} deaths`)
    const rows = await query('SELECT id, code, reason FROM parked ORDER BY id')
    const reason = /3 workers died/
    t.match(
      rows,
      killers.map(({ id }) => ({ id, code: 'kills-worker', reason })),
    )
    t.equal(rows.length, 2)
    await until('nothing is remembered of attempts', async () => (await query('SELECT FROM attempts')).length === 0)
  },
)
