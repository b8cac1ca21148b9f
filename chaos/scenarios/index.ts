import { first } from './first.ts'
import type { Scenario } from './scenario.ts'
import { second } from './second.ts'

/** All scenarios, in the order in which they run. */
export const scenarios: Scenario[] = [...first, ...second]
