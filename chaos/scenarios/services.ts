import { resetClocks, setClocks, withClock } from '../faults/clock.ts'
import {
  activeWorker,
  freezeInTransaction,
  killApis,
  killAtCommits,
  killBetween,
  killEverything,
  killedService,
  killUnanswered,
  killWorkers,
  replaceAll,
  stopWorkers,
  thawWorkers,
  unhurried,
} from '../faults/services.ts'
import { overload } from '../load/settings.ts'
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
    nothingParks: true,
    ...killedService('worker'),
  },
  {
    name: 'worker-killed-25-times',
    says: 'Both workers are killed 25 times in a row, healthy records in hand',
    within_s: 1,
    nothingParks: true,
    break: (scene) => killWorkers(scene, 25),
  },
  {
    name: 'worker-frozen',
    says: 'The active worker hangs in the middle of a transaction until its standby has taken over, and goes on then',
    within_s: 1,
    outage_s: 24,
    break: freezeInTransaction,
    async heal(scene) {
      await activeWorker(scene) // one that has taken over
      await thawWorkers(scene)
    },
  },
  {
    name: 'worker-stopped',
    says: 'The active worker is stopped in order in mid-batch and started again, three times',
    within_s: 1,
    nothingParks: true,
    break: (scene) => stopWorkers(scene, 3),
  },
  {
    name: 'rolling-restart',
    says: 'Every service is replaced three times, new before old: no request fails',
    within_s: 1,
    options: { api: unhurried },
    nothingFails: true,
    nothingParks: true,
    break: (scene) => replaceAll(scene, 3),
  },
  {
    name: 'api-killed-before-publish',
    says: 'The API is killed with orders that Redis has and the broker never got',
    within_s: 1,
    outage_s: 1,
    nothingParks: true,
    break: killBetween,
  },
  {
    name: 'api-killed-unanswered',
    says: 'The API is killed after it has published, before anybody was answered',
    within_s: 1,
    outage_s: 1,
    nothingParks: true,
    break: killUnanswered,
  },
  {
    name: 'api-killed-five-times',
    says: 'The API is killed five times, with confirms unread every other time',
    within_s: 1,
    nothingParks: true,
    break: (scene) => killApis(scene, 5),
  },
  {
    name: 'worker-killed-at-commit',
    says: 'Workers are killed while Postgres commits their batch: it is persisted, and never acked',
    within_s: 1,
    nothingParks: true,
    break: (scene) => killAtCommits(scene, 3),
  },
  {
    name: 'clocks-off',
    says: 'The clocks of API and workers are an hour fast, then an hour slow, then right',
    within_s: 1,
    outage_s: 8,
    options: withClock,
    nothingParks: true,
    break: setClocks,
    heal: resetClocks,
  },
  {
    name: 'everything-killed',
    says: 'Each part is killed once within a minute in which 5,000 requests a second are offered, whatever is answered',
    within_s: 1,
    outage_s: 60,
    load: overload,
    onlyNamed: true,
    break: killEverything,
  },
]
