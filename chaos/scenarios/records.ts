import { replayParked } from '../faults/parked.ts'
import { forbidPoison, mendPoison, sendDeadly, sendPoison, sendPoisonAmongMany, withKiller } from '../faults/poison.ts'
import { duplicate, reorder, sendNewer } from '../faults/tap.ts'
import type { Scenario } from './scenario.ts'

/** Records that cannot be taken as they are. */
export const recordsScenarios: Scenario[] = [
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
  {
    name: 'poison-among-500',
    says: 'One order of a batch of 500 cannot be persisted: it alone is parked, the others are persisted',
    within_s: 1,
    async break(scene) {
      await forbidPoison(scene)
      await sendPoisonAmongMany(scene)
    },
    after: mendPoison,
  },
  {
    name: 'deadly-record',
    says: 'One order kills each worker that tries it: it alone is parked',
    within_s: 1,
    options: withKiller,
    break: sendDeadly,
  },
  {
    name: 'newer-type',
    says: 'An order of a type that no worker knows yet: it alone is parked',
    within_s: 1,
    break: sendNewer,
  },
  {
    name: 'duplicates',
    says: 'Messages that were persisted long ago are delivered again, out of order',
    within_s: 1,
    outage_s: 6,
    nothingParks: true,
    break: duplicate,
  },
  {
    name: 'reordered',
    says: 'Messages arrive in another order than they were published in; what was parked for it is replayed',
    within_s: 1,
    outage_s: 5,
    break: reorder,
    after: replayParked,
  },
]
