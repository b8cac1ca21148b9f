import { refuse, startOver } from '../faults/engine.ts'
import { goBack, reindexThroughKills } from '../faults/reindexing.ts'
import { killed } from '../faults/servers.ts'
import type { Scenario } from './scenario.ts'

/** Elasticsearch is away, or loses its index. */
export const elasticsearchScenarios: Scenario[] = [
  {
    name: 'elasticsearch-away',
    says: 'Elasticsearch is killed, and comes back',
    within_s: 2,
    outage_s: 4,
    ...killed('elasticsearch'),
  },
  {
    name: 'elasticsearch-wiped',
    says: 'The search index is deleted under load',
    within_s: 2,
    outage_s: 3,
    async break({ stack }) {
      const url = stack.env['ELASTICSEARCH_URL']
      const found = (await (await fetch(`${url}/orders/_settings`)).json()) as Record<string, unknown>
      for (const name of Object.keys(found)) await fetch(`${url}/${name}`, { method: 'DELETE' })
    },
  },
  {
    name: 'elasticsearch-refuses',
    says: 'Elasticsearch answers 429 for each document, 403 then, and 429 for whole calls',
    within_s: 1,
    outage_s: 9,
    break: refuse,
  },
  {
    name: 'elasticsearch-mixed-answers',
    says: 'The follower is sent back to the first change, six times: answers are 409, 201 and 429 mixed',
    within_s: 1,
    outage_s: 4,
    break: startOver,
  },
  {
    name: 'reindex',
    says: 'The index is built anew under 2,000 writes a second; the worker that feeds it is killed twice, Elasticsearch once; then it is gone back',
    records: 10_000,
    load: { rate: 1_500, clients: 60, bulk: 240 }, // some 2,000 orders a second
    within_s: 1,
    nothingParks: true,
    onlyNamed: true,
    break: reindexThroughKills,
    after: goBack,
  },
]
