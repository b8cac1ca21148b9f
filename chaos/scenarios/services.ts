import { activeWorker, killedService, killWorkers, replaceAll, stopWorkers } from '../faults/services.ts'
import type { Scenario } from './scenario.ts'

/** APIs and workers are killed, hang, are stopped and replaced. */
export const servicesScenarios: Scenario[] = [
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
