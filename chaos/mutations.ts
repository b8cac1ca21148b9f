import type { Edit } from './edits.ts'

/** A guard of the product taken out that only real servers miss, and the scenario that has to notice it. */
export interface Mutation extends Edit {
  /** What is missing then. */
  without: string
  scenario: string
}

/** @throws Error if no guard is described so */
export function mutationOf(without: string): Mutation {
  const found = mutations.find((one) => one.without === without)
  if (found === undefined) throw new Error(`no guard is described as: ${without}`)
  return found
}

export const mutations: Mutation[] = [
  {
    without: 'queues: more deliveries than any run of lost connections uses up',
    file: 'packages/queue/topology.ts',
    search: 'const deliveryLimit = 1_000_000',
    replace: 'const deliveryLimit = 3',
    scenario: 'worker-killed-25-times',
  },
  {
    without: 'queues: what is dead-lettered stays until it is taken',
    file: 'packages/queue/topology.ts',
    search: "'x-dead-letter-strategy': 'at-least-once'",
    replace: "'x-dead-letter-strategy': 'at-most-once'",
    scenario: 'dead-lettered',
  },
  {
    without: 'queues: one consumer at a time',
    file: 'packages/queue/topology.ts',
    search: "'x-single-active-consumer': true",
    replace: "'x-single-active-consumer': false",
    scenario: 'worker-killed',
  },
  {
    without: 'queues: a full one refuses',
    file: 'packages/queue/topology.ts',
    search: "'x-overflow': 'reject-publish'",
    replace: "'x-overflow': 'drop-head'",
    scenario: 'queue-full',
  },
  {
    without: 'publisher: a confirm has a deadline',
    file: 'packages/queue/publisher.ts',
    search: 'if (one.deadline > now) break',
    replace: 'if (one.deadline > 0) break',
    scenario: 'api-rabbitmq-unconfirmed',
  },
  {
    without: 'connection: both sides give signs of life',
    file: 'packages/queue/connection.ts',
    search: 'const heartbeat_s = 8',
    replace: 'const heartbeat_s = 0',
    scenario: 'worker-rabbitmq-half-open',
  },
  {
    without: 'cache: what Redis does not answer has a deadline',
    file: 'packages/cache/client.ts',
    search: 'const [answer_ms, silence_ms] = [timeout_ms, 2 * timeout_ms]',
    replace: 'const [answer_ms, silence_ms] = [2 ** 30, undefined]',
    scenario: 'api-redis-half-open',
  },
  {
    without: 'database: an idle transaction ends',
    file: 'packages/database/database.ts',
    search: 'idle_in_transaction_session_timeout: timeout_ms,',
    replace: '',
    scenario: 'worker-frozen',
  },
  {
    without: 'database: a lock is waited for shorter than a statement may take',
    file: 'packages/database/database.ts',
    search: 'lock_timeout: Math.ceil(timeout_ms / 2),',
    replace: '',
    scenario: 'rows-locked',
  },
  {
    without: 'views: one refresh at a time',
    file: 'packages/database/views.ts',
    search: 'if (lock?.got !== true)',
    replace: 'if (lock === undefined)',
    scenario: 'refreshes-compete',
  },
  {
    without: 'lone: the deaths of workers are counted',
    file: 'services/worker/lone.ts',
    search: 'const deathsMax = 3',
    replace: 'const deathsMax = 1_000',
    scenario: 'deadly-record',
  },
  {
    without: 'index writer: what is refused for now is tried again',
    file: 'packages/search/writer.ts',
    search: `  if (isRefusal(status, error?.type)) throw new EngineRefused(error?.type ?? String(status))
  if (status === 429 || status >= 500) return { outcome: 'retry' }`,
    replace: "  if (isRefusal(status, error?.type) || status === 429 || status >= 500) return { outcome: 'done' }",
    scenario: 'elasticsearch-refuses',
  },
  {
    without: 'api: it goes on answering after it said that it is not ready',
    file: 'services/api/main.ts',
    search: "signal === 'SIGTERM' ? options.SHUTDOWN_DELAY_MS : 0",
    replace: '0',
    scenario: 'rolling-restart',
  },
  {
    without: 'problems: who is refused for now is told when to come again',
    file: 'services/api/plugins/problems.ts',
    search: "if (error instanceof Unavailable) reply.header('retry-after', error.retryAfterSeconds)",
    replace: '',
    scenario: 'redis-away',
  },
  {
    without: 'accept: no more may be dirty than the limit',
    file: 'packages/cache/scripts.ts',
    search: ">= tonumber(ARGV[1]) then outcome = 'limit'",
    replace: "< 0 then outcome = 'limit'",
    scenario: 'dirty-limit',
  },
  {
    without: 'failure: a read-only server is not the fault of a record',
    file: 'packages/database/failure.ts',
    search: "'25': 'unavailable',",
    replace: "'25': 'bad-data',",
    scenario: 'read-only',
  },
  {
    without: 'failure: a deadlock is not the fault of a record',
    file: 'packages/database/failure.ts',
    search: "'40': 'unavailable',",
    replace: "'40': 'bad-data',",
    scenario: 'deadlock-on-one-row',
  },
  {
    without: 'failure: a full disk is not the fault of a record',
    file: 'packages/database/failure.ts',
    search: "'53': 'unavailable',",
    replace: "'53': 'bad-data',",
    scenario: 'postgres-disk-full',
  },
  {
    without: 'failure: a lock that is not to be had is not the fault of a record',
    file: 'packages/database/failure.ts',
    search: "'55': 'unavailable',",
    replace: "'55': 'bad-data',",
    scenario: 'table-locked',
  },
]
