import { compete, killInRefresh, lockView, withRefreshes } from '../faults/views.ts'
import type { Scenario } from './scenario.ts'

/** Views that are refreshed every second. */
export const viewsScenarios: Scenario[] = [
  {
    name: 'refresh-killed',
    says: 'Workers are killed in the middle of a refresh of the view, twice',
    within_s: 1,
    options: withRefreshes,
    break: killInRefresh,
  },
  {
    name: 'refresh-blocked',
    says: 'Somebody holds a lock on the view',
    within_s: 1,
    outage_s: 7,
    options: withRefreshes,
    break: lockView,
  },
  {
    name: 'refreshes-compete',
    says: 'Two workers and four operators refresh the view at the same time',
    within_s: 1,
    outage_s: 6,
    options: withRefreshes,
    break: compete,
  },
]
