import type { Change } from '@ordermill/database'
import { type Broker, createBroker } from './broker.ts'
import type { Engine } from './engine.ts'
import type { Plan } from './plans.ts'
import { createPostgres, type Postgres } from './postgres.ts'
import type { Random } from './random.ts'
import { createRedis, type Redis } from './redis.ts'
import type { Owner, Scheduler } from './scheduler.ts'
import { createServer, type Server } from './server.ts'
import { announce, type Surroundings } from './surroundings.ts'
import { createTruth, type Truth } from './truth.ts'

/** Everything there is in one simulation. */
export interface World {
  scheduler: Scheduler
  random: Random
  truth: Truth
  plan: Plan
  redis: { server: Server; store: Redis }
  broker: Broker
  postgres: { server: Server; store: Postgres; stuck: boolean }
  engine: { server: Server; store: Engine }
  /** The clock of servers, in milliseconds of the Unix epoch. */
  clock_ms(): number
  /**
   * What waits for the next commit of Postgres, the next version that the cache takes, the next ack or the next message that is parked:
   * it happens right after. What waits for a barrier to pass, or for an API to read a row, or to find none, happens before who did that
   * has the answer.
   */
  aimed: Record<'commit' | 'accept' | 'ack' | 'park' | 'pass', (() => void)[]> &
    Record<'read' | 'miss', ((reader: Process) => void)[]>
  /** A rule was broken: it ends here. Who notices may be deep in the product, which catches what is thrown. */
  broken(what: string): void
  /** What a client saw that it may see only if one of these versions was parked, or what it was built on. */
  suspicions: { promised: string[]; what: string }[]
  /** Writes a line of the trace; nothing is made of it while nobody looks. */
  trace(line: () => string): void
}

export function createWorld(
  parts: Pick<World, 'scheduler' | 'random' | 'trace' | 'broken' | 'plan'> & { start_ms: number },
): World {
  const { scheduler, random, trace, broken, plan, start_ms } = parts
  const truth = createTruth()
  const aimed: World['aimed'] = { commit: [], accept: [], ack: [], park: [], pass: [], read: [], miss: [] }
  const fire = (at: Exclude<keyof World['aimed'], 'read' | 'miss'>) => {
    if (aimed[at].length > 0) for (const run of aimed[at].splice(0)) scheduler.after(random.float() * 3, undefined, run)
  }
  const onWrite = (row: Change, before: Change | undefined) => {
    trace(
      () =>
        `postgres: ${truth.nameOf(row.id)} v${row.version} over ${before === undefined ? 'nothing' : `v${before.version}`}`,
    )
    fire('commit')
    if (before === undefined) return
    if (row.version <= before.version) broken(`I4: ${row.id} went from ${before.version} to ${row.version}`)
    // What stands between the two came in the same chain, and is history by now.
    let at = row.parent
    while (at !== null && at !== before.hash && postgres.history.has(row.id + at))
      at = truth.known.get(at)?.parent ?? null
    if (at !== before.hash) broken(`I4: ${truth.nameOf(row.id)} v${row.version} stands on what it was not built on`)
  }
  const clock_ms = () => Math.floor(start_ms + scheduler.now())
  const redis = createRedis({
    now_ms: clock_ms,
    newRunId: () => random.below(1e9).toString(16),
    onCounted(member) {
      const [id = '', version] = member.split(':')
      truth.accepted(id, Number(version))
      fire('accept')
    },
    onPassed() {
      for (const run of aimed.pass.splice(0)) run()
    },
    onMarked(set, member) {
      if (!set.endsWith(':sent') || truth.taken.has(member)) return
      const [id = '', version] = member.split(':')
      broken(`I1: ${truth.nameOf(id)} v${version} is marked as sent, and no queue ever took it`)
    },
  })
  const postgres = createPostgres(onWrite)
  return {
    scheduler,
    random,
    truth,
    plan,
    trace,
    clock_ms,
    broken,
    suspicions: [],
    aimed,
    redis: { server: createServer('redis'), store: redis },
    broker: createBroker(
      createServer('broker'),
      ({ messageId, headers }) => {
        truth.taken.add(String(messageId)).add(String(headers?.['hash']))
        if (headers?.['parked-code'] !== undefined) fire('park')
      },
      () => fire('ack'),
    ),
    postgres: { server: createServer('postgres'), store: postgres, stuck: false },
    engine: { server: createServer('engine'), store: { index: undefined, refuses: 0 } },
  }
}

/** A process of the product: what it does, it does until it crashes. */
export interface Process extends Owner {
  name: string
  /** The host under which its drivers find its servers. */
  host: string
}

/** Starts a process: `run` builds the product's parts in it. */
export function startProcess(world: World, name: string, run: (process: Process) => void): Process {
  const { scheduler, random, redis, broker } = world
  const host = `${name}-${random.below(1e9)}`
  const process: Process = { name, host, alive: true, frozenUntil: 0 }
  const surroundings: Surroundings = { scheduler, random, owner: process, redis, broker }
  const forget = announce(host, surroundings)
  scheduler.after(0, process, () => {
    run(process)
    forget()
  })
  return process
}

/** Ends a process at once: its connections are cut, and nothing of it happens any more. */
export function crash(world: World, process: Process): void {
  process.alive = false
  for (const { wires } of [world.redis.server, world.broker.server])
    for (const wire of [...wires]) if (wire.owner === process) wire.cut()
}
