import { forbidPoison, mendPoison, sendPoison } from '../faults/poison.ts'
import { killed } from '../faults/servers.ts'
import { killedService } from '../faults/services.ts'
import type { Scenario } from './scenario.ts'

/** Each part away once, and what has no fault at all. */
export const first: Scenario[] = [
  {
    name: 'nothing-broken',
    says: 'Nothing is broken: the load alone',
    within_s: 1,
    outage_s: 4,
  },
  {
    name: 'redis-wiped',
    says: 'Redis forgets everything (FLUSHALL), twice, while records are changed',
    within_s: 2,
    outage_s: 3,
    break: async ({ stack }) => void (await stack.stores.redis.flushall()),
    heal: async ({ stack }) => void (await stack.stores.redis.flushall()),
  },
  {
    name: 'redis-away',
    says: 'Redis is killed, and comes back with its append-only file',
    within_s: 2,
    outage_s: 6,
    ...killed('redis'),
  },
  {
    name: 'broker-away',
    says: 'RabbitMQ is killed, and comes back',
    within_s: 2,
    outage_s: 6,
    ...killed('rabbitmq'),
  },
  {
    name: 'postgres-away',
    says: 'Postgres is killed, and comes back by its own recovery',
    within_s: 2,
    outage_s: 6,
    ...killed('postgres'),
  },
  {
    name: 'elasticsearch-away',
    says: 'Elasticsearch is killed, and comes back',
    within_s: 2,
    outage_s: 4,
    ...killed('elasticsearch'),
  },
  {
    name: 'elasticsearch-wiped',
    says: 'The search index is deleted under load',
    within_s: 2,
    outage_s: 3,
    async break({ stack }) {
      const url = stack.env['ELASTICSEARCH_URL']
      const found = (await (await fetch(`${url}/orders/_settings`)).json()) as Record<string, unknown>
      for (const name of Object.keys(found)) await fetch(`${url}/${name}`, { method: 'DELETE' })
    },
  },
  {
    name: 'api-killed',
    says: 'The API is killed under load, and started again',
    within_s: 3,
    outage_s: 2,
    ...killedService('api'),
  },
  {
    name: 'worker-killed',
    says: 'One of the two workers is killed under load, and started again',
    within_s: 3,
    outage_s: 4,
    ...killedService('worker'),
  },
  {
    name: 'one-poison',
    says: 'One order cannot be persisted: it alone is parked, tried out, mended for and replayed',
    within_s: 2,
    async break(scene) {
      await forbidPoison(scene)
      await sendPoison(scene)
    },
    after: mendPoison,
  },
]
