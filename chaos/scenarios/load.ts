import { overload } from '../load/settings.ts'
import type { Scenario } from './scenario.ts'

/** What has no fault at all. */
export const loadScenarios: Scenario[] = [
  {
    name: 'nothing-broken',
    says: 'Nothing is broken: the load alone',
    within_s: 1,
    outage_s: 4,
  },
  {
    name: 'overload',
    says: 'Far more is asked than can be done: 5,000 requests a second, whatever is answered',
    within_s: 1,
    outage_s: 8,
    load: overload,
  },
]
