import { closeConnections, setMemoryLimit } from '../faults/broker.ts'
import { cutSessions, lockTable, setReadOnly, stopImmediately } from '../faults/postgres.ts'
import { cutTail } from '../faults/redis.ts'
import { frozen, restart } from '../faults/servers.ts'
import { activeWorker, killWorkers, replaceAll, stopWorkers } from '../faults/services.ts'
import type { Scenario } from './scenario.ts'

/** Parts that hang, forget, refuse, are restarted or cut off. */
export const second: Scenario[] = [
  {
    name: 'redis-frozen',
    says: 'Redis hangs: connections stay, nothing answers',
    within_s: 2,
    outage_s: 5,
    ...frozen('redis'),
  },
  {
    name: 'redis-tail-cut',
    says: 'Redis is killed, and comes back without the end of its append-only file',
    within_s: 3,
    outage_s: 1,
    break: cutTail,
    heal: ({ stack }) => stack.server('redis').start(),
  },
  {
    name: 'broker-restarted',
    says: 'RabbitMQ is stopped in order and started again',
    within_s: 2,
    break: (scene) => restart(scene, 'rabbitmq'),
  },
  {
    name: 'connections-closed',
    says: 'All connections to RabbitMQ are closed by force, three times',
    within_s: 2,
    async break(scene) {
      for (let times = 0; times < 3; times += 1) {
        await closeConnections(scene)
        await scene.wait(0.5 + scene.random.float() * 2)
      }
    },
  },
  {
    name: 'memory-alarm',
    says: 'RabbitMQ has too little memory and stops publishers',
    within_s: 2,
    outage_s: 6,
    break: (scene) => setMemoryLimit(scene, '0.00001'),
    heal: (scene) => setMemoryLimit(scene, '0.4'),
  },
  {
    name: 'postgres-immediate',
    says: 'Postgres is stopped at once (immediate shutdown), and recovers',
    within_s: 2,
    outage_s: 3,
    break: stopImmediately,
    heal: ({ stack }) => stack.server('postgres').start(),
  },
  {
    name: 'table-locked',
    says: 'Somebody holds an exclusive lock on the table',
    within_s: 2,
    outage_s: 8,
    break: lockTable,
  },
  {
    name: 'commits-cut',
    says: 'Sessions of Postgres are ended at random, in their COMMIT too',
    within_s: 1,
    outage_s: 8,
    break: cutSessions,
  },
  {
    name: 'read-only',
    says: 'Postgres takes no writes (default_transaction_read_only)',
    within_s: 2,
    outage_s: 6,
    break: (scene) => setReadOnly(scene, 'on'),
    heal: (scene) => setReadOnly(scene, 'off'),
  },
  {
    name: 'worker-killed-25-times',
    says: 'Workers are killed 25 times in a row, healthy records in hand',
    within_s: 1,
    break: (scene) => killWorkers(scene, 25),
  },
  {
    name: 'worker-frozen',
    says: 'The active worker hangs until its standby has taken over, and goes on then',
    within_s: 1,
    outage_s: 24,
    async break(scene) {
      const worker = await activeWorker(scene)
      await worker.process.kill('SIGSTOP')
    },
    async heal({ stack }) {
      for (const worker of stack.workers) await worker.process.kill('SIGCONT')
    },
  },
  {
    name: 'worker-stopped',
    says: 'The active worker is stopped in order in mid-batch and started again, three times',
    within_s: 1,
    break: (scene) => stopWorkers(scene, 3),
  },
  {
    name: 'rolling-restart',
    says: 'Every service is replaced, new before old: no request fails',
    within_s: 1,
    nothingFails: true,
    break: replaceAll,
  },
]
