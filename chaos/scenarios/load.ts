import type { Scenario } from './scenario.ts'

/** What has no fault at all. */
export const loadScenarios: Scenario[] = [
  {
    name: 'nothing-broken',
    says: 'Nothing is broken: the load alone',
    within_s: 1,
    outage_s: 4,
  },
]
