import { cannotMount, fillTablespace, freeTablespace } from '../faults/disk.ts'
import {
  cutSessions,
  deadlock,
  deadlockOnOneRow,
  hold,
  setReadOnly,
  slowDown,
  speedUp,
  stopImmediately,
} from '../faults/postgres.ts'
import { killed } from '../faults/servers.ts'
import { untilRetried } from '../faults/services.ts'
import type { Scenario } from './scenario.ts'

/** Postgres is away, locked, cut off, read-only. */
export const postgresScenarios: Scenario[] = [
  {
    name: 'postgres-away',
    says: 'Postgres is killed, and comes back by its own recovery',
    within_s: 2,
    outage_s: 6,
    nothingParks: true,
    ...killed('postgres'),
  },
  {
    name: 'postgres-immediate',
    says: 'Postgres is stopped at once (immediate shutdown), and recovers',
    within_s: 2,
    outage_s: 3,
    nothingParks: true,
    break: stopImmediately,
    heal: ({ stack }) => stack.server('postgres').start(),
  },
  {
    name: 'table-locked',
    says: 'Somebody holds an exclusive lock on the table',
    within_s: 2,
    outage_s: 8,
    nothingParks: true,
    break: (scene) => hold(scene, 'table'),
  },
  {
    name: 'rows-locked',
    says: 'Somebody holds the rows of all orders that stand, and nothing else',
    within_s: 2,
    outage_s: 12,
    options: { worker: { MESSAGE_TIMEOUT_MS: '500' } },
    nothingParks: true,
    async break(scene) {
      const locked = hold(scene, 'rows')
      await untilRetried(scene, 'database-') // for whichever timeout
      await locked
    },
  },
  {
    name: 'commits-cut',
    says: 'Sessions of Postgres are ended at random, in their COMMIT too',
    within_s: 1,
    outage_s: 8,
    nothingParks: true,
    break: cutSessions,
  },
  {
    name: 'read-only',
    says: 'Postgres takes no writes (default_transaction_read_only)',
    within_s: 2,
    outage_s: 6,
    nothingParks: true,
    break: (scene) => setReadOnly(scene, 'on'),
    heal: (scene) => setReadOnly(scene, 'off'),
  },
  {
    name: 'statement-timeout',
    says: 'A trigger makes each write of an order take longer than it may',
    within_s: 1,
    outage_s: 8,
    options: { worker: { MESSAGE_TIMEOUT_MS: '1500' } },
    nothingParks: true,
    async break(scene) {
      await slowDown(scene)
      await untilRetried(scene, 'database-57014')
    },
    heal: speedUp,
  },
  {
    name: 'deadlock',
    says: 'Somebody locks the same rows in the reverse order',
    within_s: 1,
    outage_s: 8,
    nothingParks: true,
    break: deadlock,
  },
  {
    name: 'deadlock-on-one-row',
    says: 'One row is part of a deadlock, again and again, and it is always the worker that Postgres fails',
    within_s: 1,
    outage_s: 10,
    nothingParks: true,
    break: deadlockOnOneRow,
  },
  {
    name: 'postgres-disk-full',
    says: 'No space is left for orders',
    within_s: 1,
    outage_s: 6,
    nothingParks: true,
    missing: cannotMount,
    async break(scene) {
      await fillTablespace(scene)
      await untilRetried(scene, 'database-53100')
    },
    heal: freeTablespace,
  },
]
