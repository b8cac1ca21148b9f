import {
  closeConnections,
  deadLetter,
  killWithFullWindow,
  setDiskLimit,
  setMemoryLimit,
  untilDeadLettered,
} from '../faults/broker.ts'
import { replayParked } from '../faults/parked.ts'
import { killed, restart } from '../faults/servers.ts'
import type { Scenario } from './scenario.ts'

/** RabbitMQ is away, is restarted, stops publishers. */
export const brokerScenarios: Scenario[] = [
  {
    name: 'broker-away',
    says: 'RabbitMQ is killed, and comes back',
    within_s: 2,
    outage_s: 6,
    ...killed('rabbitmq'),
  },
  {
    name: 'broker-restarted',
    says: 'RabbitMQ is stopped in order and started again',
    within_s: 2,
    break: (scene) => restart(scene, 'rabbitmq'),
  },
  {
    name: 'connections-closed',
    says: 'All connections to RabbitMQ are closed by force, three times',
    within_s: 2,
    async break(scene) {
      for (let times = 0; times < 3; times += 1) {
        await closeConnections(scene)
        await scene.wait(0.5 + scene.random.float() * 2)
      }
    },
  },
  {
    name: 'memory-alarm',
    says: 'RabbitMQ has too little memory and stops publishers',
    within_s: 2,
    outage_s: 6,
    break: (scene) => setMemoryLimit(scene, '0.00001'),
    heal: (scene) => setMemoryLimit(scene, '0.4'),
  },
  {
    name: 'disk-alarm',
    says: 'RabbitMQ has too little disk and stops publishers',
    within_s: 2,
    outage_s: 6,
    break: (scene) => setDiskLimit(scene, '900000GB'),
    heal: (scene) => setDiskLimit(scene, '100MB'),
  },
  {
    name: 'broker-killed-full-window',
    says: 'RabbitMQ is killed with as many publishes on their way as there may be',
    within_s: 1,
    outage_s: 4,
    options: { api: { PUBLISH_WINDOW: '4' } },
    answered: ['queue-busy'],
    break: killWithFullWindow,
    heal: ({ stack }) => stack.server('rabbitmq').start(),
  },
  {
    name: 'dead-lettered',
    says: 'A policy lets no message be delivered twice: healthy ones are dead-lettered, to a queue that is gone, and replayed',
    within_s: 1,
    break: deadLetter,
    heal: untilDeadLettered,
    after: replayParked,
  },
]
