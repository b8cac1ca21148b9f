import { createDatabase } from '@ordermill/database'
import { orders, type Version } from '@ordermill/model'
import { firstOrder, nextOrder } from '@ordermill/model/testing'
import { createPublisher, recordMessage, topologyOf } from '@ordermill/queue'
import { queueLength } from '@ordermill/queue/testing'
import { until } from '@ordermill/servers/testing'

interface Teardown {
  teardown(handler: () => Promise<void> | void): void
}
interface LoadParts {
  rabbitmqUrl: string
  dsn: string
  namespace: string
}

/** Between sixty messages and the next. */
const pause_ms = 50

/** Orders that flow into the queue as the API sends them, and what became of them. */
export async function startLoad(t: Teardown, { rabbitmqUrl, dsn, namespace }: LoadParts) {
  const onLost = () => undefined
  const topology = topologyOf([orders.name], { namespace, lengthMax: 1_000_000 })
  const publisher = createPublisher({
    urls: [rabbitmqUrl],
    name: 'load',
    topology,
    window: 4_096,
    timeout_ms: 10_000,
    onLost,
  })
  t.teardown(() => publisher.stop(0))
  await publisher.ready
  const database = createDatabase({ dsn, name: 'load', poolMax: 2, timeout_ms: 10_000, onLost })
  t.teardown(() => database.stop())
  const accepted: Version[] = []
  const send = async (version: Version) => {
    const envelope = { exchange: topology.exchange, collection: orders.name, type: orders.type }
    await publisher.publish(recordMessage(version, envelope))
    accepted.push(version)
  }
  const countOf = async (sql: string): Promise<number> => {
    const rows = await database.query<{ count: number }>({ text: sql }).catch(() => [])
    return rows[0]?.count ?? 0
  }
  let flowing = true
  const flow = (async () => {
    while (flowing) {
      const batch = Array.from({ length: 50 }, () => firstOrder())
      await Promise.all(batch.map(send))
      await Promise.all(batch.slice(0, 10).map((order) => send(nextOrder(order, { amount: 1 }))))
      await new Promise((resolve) => setTimeout(resolve, pause_ms)) // a load, not a flood: what piles up meanwhile is waited for at the end
    }
  })()
  const end = async () => {
    flowing = false
    await flow
  }
  t.teardown(end)
  const persisted = () =>
    countOf('SELECT (SELECT count(*) FROM orders) + (SELECT count(*) FROM orders_history) AS count')
  return {
    accepted: () => accepted.length,
    end,
    /** Messages that were set aside, in the ledger or on their way into it. @throws whatever keeps it from counting */
    async parked(): Promise<number> {
      const text = 'SELECT count(*) AS count FROM parked'
      const [row] = await database.query<{ count: number }>({ text })
      return (row?.count ?? Number.NaN) + (await queueLength(rabbitmqUrl, `${namespace}${orders.name}.parked`))
    },
    /** Distinct versions that Postgres has, and rows that it has twice (there are none, unless a key is gone). */
    persisted,
    /** Waits until Postgres has each accepted version, in the table or the history, and gives those that are there though nobody sent them. */
    async allPersisted(): Promise<string[]> {
      const sent = new Set(accepted.map(({ id, version, hash }) => `${id}:${version}:${hash}`))
      const text = `SELECT id || ':' || version || ':' || hash AS name FROM orders
        UNION ALL SELECT id || ':' || version || ':' || hash FROM orders_history`
      const rows = await until(
        'all that was accepted is persisted',
        async () => {
          if ((await persisted()) < sent.size) return undefined
          const found = await database.query<{ name: string }>({ text }).catch(() => [])
          const names = new Set(found.map(({ name }) => name))
          return [...sent].every((name) => names.has(name)) && found
        },
        60_000,
      )
      return rows.map(({ name }) => name).filter((name) => !sent.delete(name)) // what is there twice is left over as well
    },
  }
}
