import { cutOff, killLeader } from '../faults/rabbitmq-cluster.ts'
import { loseMaster, makeWhole } from '../faults/redis-cluster.ts'
import type { Scenario } from './scenario.ts'

/** Clusters of Redis and RabbitMQ lose a node. */
export const clusterScenarios: Scenario[] = [
  {
    name: 'redis-master-killed',
    says: 'A master of a Redis Cluster is killed; its replica takes over, and has forgotten the last updates',
    stage: 'cluster',
    within_s: 2,
    outage_s: 8,
    break: loseMaster,
    heal: makeWhole,
  },
  {
    name: 'queue-leader-killed',
    says: 'The node of a RabbitMQ cluster that leads the queue is killed, and comes back',
    stage: 'cluster',
    within_s: 2,
    outage_s: 8,
    ...killLeader,
  },
  {
    name: 'broker-minority-cut-off',
    says: 'One node of a RabbitMQ cluster and the others no longer reach each other; clients reach all of them',
    stage: 'cluster',
    within_s: 2,
    outage_s: 15,
    ...cutOff,
  },
]
