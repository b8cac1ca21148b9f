import { cutSessions, lockTable, setReadOnly, stopImmediately } from '../faults/postgres.ts'
import { killed } from '../faults/servers.ts'
import type { Scenario } from './scenario.ts'

/** Postgres is away, locked, cut off, read-only. */
export const postgresScenarios: Scenario[] = [
  {
    name: 'postgres-away',
    says: 'Postgres is killed, and comes back by its own recovery',
    within_s: 2,
    outage_s: 6,
    ...killed('postgres'),
  },
  {
    name: 'postgres-immediate',
    says: 'Postgres is stopped at once (immediate shutdown), and recovers',
    within_s: 2,
    outage_s: 3,
    break: stopImmediately,
    heal: ({ stack }) => stack.server('postgres').start(),
  },
  {
    name: 'table-locked',
    says: 'Somebody holds an exclusive lock on the table',
    within_s: 2,
    outage_s: 8,
    break: lockTable,
  },
  {
    name: 'commits-cut',
    says: 'Sessions of Postgres are ended at random, in their COMMIT too',
    within_s: 1,
    outage_s: 8,
    break: cutSessions,
  },
  {
    name: 'read-only',
    says: 'Postgres takes no writes (default_transaction_read_only)',
    within_s: 2,
    outage_s: 6,
    break: (scene) => setReadOnly(scene, 'on'),
    heal: (scene) => setReadOnly(scene, 'off'),
  },
]
