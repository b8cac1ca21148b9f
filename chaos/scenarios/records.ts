import { forbidPoison, mendPoison, sendPoison } from '../faults/poison.ts'
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
]
