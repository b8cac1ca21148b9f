import { clogged, halfOpen, type LinkFault, reset, slow, unanswered, unansweredFrom } from '../faults/network.ts'
import { everyLink, type Link } from '../proxy/links.ts'
import type { Scenario } from './scenario.ts'

const titles = {
  api: 'the API',
  worker: 'the workers',
  redis: 'Redis',
  rabbitmq: 'RabbitMQ',
  postgres: 'Postgres',
  elasticsearch: 'Elasticsearch',
} as const

/** What may happen to a link; `outage_s` is absent where the fault takes as long as it takes. */
interface Row {
  name: string
  says: string
  outage_s?: number
  fault: LinkFault
}

const onEveryLink: Row[] = [
  {
    name: 'half-open',
    says: 'nothing passes between them, connections stay open and new ones are taken',
    outage_s: 8,
    fault: halfOpen,
  },
  { name: 'reset', says: 'connections between them are reset, five times', fault: reset },
  { name: 'slow', says: 'all between them takes 0.1 s and has little room', outage_s: 8, fault: slow },
]

/** Where everybody has to be answered while clients still wait: what is asked of Postgres may be asked twice, which takes longer. */
const isAnswered = ({ kind, server }: Link, name: string): boolean =>
  kind === 'api' && server !== 'postgres' && (name === 'half-open' || name === 'unconfirmed')

const scenarioOf = (link: Link, { name, says, fault, ...row }: Row): Scenario => ({
  name: `${link.kind}-${link.server}-${name}`,
  says: `${titles[link.kind]} and ${titles[link.server]}: ${says}`.replace(/^t/, 'T'),
  within_s: 2,
  ...row,
  ...(isAnswered(link, name) ? { allAnswered: true } : {}),
  ...fault(link),
})

/** What can be wrong between an API or a worker and a server, the other kind reaching it as ever. */
export const networkScenarios: Scenario[] = [
  ...everyLink.flatMap((link) => onEveryLink.map((row) => scenarioOf(link, row))),
  scenarioOf(
    { kind: 'api', server: 'rabbitmq' },
    { name: 'unconfirmed', says: 'messages arrive, confirms do not', outage_s: 8, fault: unanswered },
  ),
  scenarioOf(
    { kind: 'worker', server: 'postgres' },
    {
      name: 'commits-unanswered',
      says: 'answers to COMMIT are lost, and all after them',
      outage_s: 8,
      fault: unansweredFrom('COMMIT'),
    },
  ),
  scenarioOf(
    { kind: 'worker', server: 'elasticsearch' },
    {
      name: 'unanswered',
      says: 'documents are indexed, answers are lost',
      outage_s: 8,
      fault: unansweredFrom('_bulk'),
    },
  ),
  {
    name: 'all-clogged',
    says: 'Nothing passes to one server after the other, until all are cut off; they are freed in another order',
    within_s: 2,
    outage_s: 6,
    ...clogged,
  },
]
