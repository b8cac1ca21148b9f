import { brokerScenarios } from './broker.ts'
import { clusterScenarios } from './clusters.ts'
import { elasticsearchScenarios } from './elasticsearch.ts'
import { limitsScenarios } from './limits.ts'
import { loadScenarios } from './load.ts'
import { networkScenarios } from './network.ts'
import { postgresScenarios } from './postgres.ts'
import { recordsScenarios } from './records.ts'
import { redisScenarios } from './redis.ts'
import type { Scenario } from './scenario.ts'
import { servicesScenarios } from './services.ts'
import { viewsScenarios } from './views.ts'

/** All scenarios, in the order in which they run. */
export const scenarios: Scenario[] = [
  ...loadScenarios,
  ...redisScenarios,
  ...brokerScenarios,
  ...postgresScenarios,
  ...elasticsearchScenarios,
  ...networkScenarios,
  ...servicesScenarios,
  ...recordsScenarios,
  ...viewsScenarios,
  ...limitsScenarios,
  ...clusterScenarios,
]
