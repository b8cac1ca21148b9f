import { cutTail, fillDisk, fillMemory, freeDisk, freeMemory } from '../faults/redis.ts'
import { frozen, killed } from '../faults/servers.ts'
import type { Scenario } from './scenario.ts'

/** Redis forgets, is away, hangs. */
export const redisScenarios: Scenario[] = [
  {
    name: 'redis-wiped',
    says: 'Redis forgets everything (FLUSHALL), twice, while records are changed',
    within_s: 2,
    outage_s: 3,
    break: async ({ stack }) => void (await stack.stores.redis.flushall()),
    heal: async ({ stack }) => void (await stack.stores.redis.flushall()),
  },
  {
    name: 'redis-away',
    says: 'Redis is killed, and comes back with its append-only file',
    within_s: 2,
    outage_s: 6,
    ...killed('redis'),
  },
  {
    name: 'redis-frozen',
    says: 'Redis hangs: connections stay, nothing answers',
    within_s: 2,
    outage_s: 5,
    ...frozen('redis'),
  },
  {
    name: 'redis-tail-cut',
    says: 'Redis is killed, and comes back without the end of its append-only file',
    within_s: 3,
    outage_s: 1,
    break: cutTail,
    heal: ({ stack }) => stack.server('redis').start(),
  },
  {
    name: 'redis-memory-full',
    says: 'Redis has no memory left: new orders are refused, none is thrown away',
    within_s: 2,
    outage_s: 5,
    answered: ['cache-full'],
    break: fillMemory,
    heal: freeMemory,
  },
  {
    name: 'redis-disk-full',
    says: 'Redis cannot write its append-only file, and takes no writes therefore',
    within_s: 2,
    outage_s: 5,
    break: fillDisk,
    heal: freeDisk,
  },
]
