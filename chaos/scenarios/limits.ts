import { setPolicy } from '../faults/broker.ts'
import { killed } from '../faults/servers.ts'
import type { Scenario } from './scenario.ts'

/** Limits that are reached: overload is answered, nothing is lost for it. */
export const limitsScenarios: Scenario[] = [
  {
    name: 'dirty-limit',
    says: 'RabbitMQ is killed until as many orders are dirty as there may be',
    within_s: 1,
    outage_s: 7,
    options: { api: { DIRTY_LIMIT: '128' } },
    answered: ['dirty-limit'],
    ...killed('rabbitmq'),
  },
  {
    name: 'queue-full',
    says: 'Both workers hang until the queue is full',
    within_s: 1,
    outage_s: 6,
    options: { worker: { PREFETCH: '20' } }, // what is in hand is not in the queue
    answered: ['queue-full'],
    async break(scene) {
      await setPolicy(scene, { 'max-length': 50 })
      for (const worker of scene.stack.workers) await worker.process.kill('SIGSTOP')
    },
    async heal({ stack }) {
      for (const worker of stack.workers) await worker.process.kill('SIGCONT')
    },
  },
  {
    name: 'rate-limit',
    says: 'One caller sends far more than it may',
    within_s: 1,
    outage_s: 5,
    options: { api: { RATE_LIMIT: '10' } },
    answered: ['rate-limited'],
  },
]
