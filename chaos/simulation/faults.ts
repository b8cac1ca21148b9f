import type { Api } from './api.ts'
import { resumeAll, type Server, takeDown } from './server.ts'
import { crash, type Process, type World } from './world.ts'

/** The processes of a simulation, each replaced by a new one when it ends. */
export interface Fleet {
  apis: Api[]
  workers: Process[]
  restartApi(at: number): void
  restartWorker(at: number): void
}

export interface FaultParts {
  world: World
  fleet: Fleet
}

/** One thing that goes wrong. Gives how it is made good again; nothing where it passes by itself. */
export type Fault = (parts: FaultParts) => (() => void) | undefined

export const down =
  (server: (world: World) => Server, onUp: (world: World) => void = () => undefined): Fault =>
  ({ world }) => {
    takeDown(server(world))
    return () => {
      server(world).health.up = true
      onUp(world)
    }
  }
export const stalled =
  (server: (world: World) => Server): Fault =>
  ({ world }) => {
    server(world).health.stalled = true
    return () => resumeAll(server(world))
  }
export const slow =
  (server: (world: World) => Server, most_ms: number): Fault =>
  ({ world }) => {
    server(world).health.slow_ms = world.random.between(5, most_ms)
    return () => {
      server(world).health.slow_ms = 0
    }
  }
export const cutOne =
  (server: (world: World) => Server): Fault =>
  ({ world }) => {
    const wires = [...server(world).wires]
    wires[world.random.below(wires.length)]?.cut()
    return undefined
  }
const stallOne =
  (server: (world: World) => Server): Fault =>
  ({ world }) => {
    const wires = [...server(world).wires]
    const wire = wires[world.random.below(wires.length)]
    wire?.stall()
    return () => (world.random.chance(0.5) ? wire?.resume() : wire?.cut())
  }
export const losesAnswers =
  (server: (world: World) => Server): Fault =>
  ({ world }) => {
    server(world).health.losesAnswers = world.random.between(0.2, 0.9)
    return () => {
      server(world).health.losesAnswers = 0
    }
  }
const frozen = ({ world }: FaultParts, process: Process | undefined) => {
  if (process !== undefined) process.frozenUntil = world.scheduler.now() + world.random.between(20, 1_200)
  return undefined
}

/** The same, but right after the next commit, or the next version that the cache takes: where most can go wrong. */
export const aimed =
  (at: Exclude<keyof World['aimed'], 'read' | 'miss'>, fault: Fault): Fault =>
  (parts) => {
    let heal: (() => void) | undefined
    let over = false
    parts.world.aimed[at].push(() => {
      if (!over) heal = fault(parts)
    })
    return () => {
      over = true
      heal?.()
    }
  }

/** What nobody waits for any more may take place all the same, when it goes on. */
export const stalledAndLate: Fault = (parts) => {
  const { health } = parts.world.engine.server
  health.late = true
  const heal = stalled(engine)(parts)
  return () => {
    health.late = false
    heal?.()
  }
}

/** Several at once. */
export const together =
  (...faults: [Fault, ...Fault[]]): Fault =>
  (parts) => {
    const heals = faults.map((fault) => fault(parts))
    return () => {
      for (const heal of heals) heal?.()
    }
  }

export const redis = (world: World) => world.redis.server
export const broker = (world: World) => world.broker.server
export const postgres = (world: World) => world.postgres.server
export const engine = (world: World) => world.engine.server

const apiCrashes: Fault = ({ world, fleet }) => {
  const at = world.random.below(fleet.apis.length)
  const api = fleet.apis[at]
  if (api !== undefined) crash(world, api.process)
  return () => fleet.restartApi(at)
}
const workerCrashes: Fault = ({ world, fleet }) => {
  const at = world.random.below(fleet.workers.length)
  const worker = fleet.workers[at]
  if (worker !== undefined) crash(world, worker)
  return () => fleet.restartWorker(at)
}
export const workersCrash: Fault = ({ world, fleet }) => {
  for (const worker of fleet.workers) crash(world, worker)
  return () => {
    for (const at of fleet.workers.keys()) fleet.restartWorker(at)
  }
}
export const apiFreezes: Fault = (parts) =>
  frozen(parts, parts.fleet.apis[parts.world.random.below(parts.fleet.apis.length)]?.process)
export const blocks: Fault = ({ world: { broker: on } }) => {
  on.block(true)
  return () => on.block(false)
}
export const wiped = down(redis, ({ redis: { store } }) => store.wipe())
/** Another one takes over at once, and knows nothing. */
export const emptied: Fault = ({ world: { redis: on } }) => {
  for (const wire of [...on.server.wires]) wire.cut()
  on.store.wipe()
  return undefined
}
export const takesOver: Fault = ({ world: { redis: on, random, clock_ms } }) => {
  for (const wire of [...on.server.wires]) wire.cut()
  on.store.forgetAfter(clock_ms() - random.float() * 300)
  return undefined
}

export const ofProcesses: Record<string, Fault> = {
  'api crashes': apiCrashes,
  'an api crashes at an accept': aimed('accept', apiCrashes),
  'worker crashes': workerCrashes,
  'a worker crashes at a commit': aimed('commit', workerCrashes),
  'api freezes': apiFreezes,
  'worker freezes': (parts) => frozen(parts, parts.fleet.workers[parts.world.random.below(parts.fleet.workers.length)]),
}

/** Throws away what is clean, or all that has a time to live. */
export function evict({ redis: { store }, random }: World, what: 'copies' | 'all', chance: number): void {
  for (const [key, { expiresAt }] of store.contents())
    if (expiresAt !== undefined && (what === 'all' || !key.endsWith(':asked')) && random.chance(chance))
      store.evict(key)
}

/** Redis away or late, with all that it knows. */
export const ofRedis: Record<string, Fault> = {
  'redis restarts': down(redis, ({ redis: { store } }) => store.restart()),
  'redis stalls': stalled(redis),
  'redis is slow': slow(redis, 120),
  'a connection to redis is cut': cutOne(redis),
  'a connection to redis stalls': stallOne(redis),
  'redis evicts'({ world }) {
    evict(world, 'all', 0.5)
    return undefined
  },
  'redis cannot be reached': down(redis),
}

export const ofBroker: Record<string, Fault> = {
  'broker restarts': down(broker),
  'broker stalls': stalled(broker),
  'broker is slow': slow(broker, 200),
  'a connection to the broker is cut': cutOne(broker),
  'a connection to the broker is cut at a commit': aimed('commit', cutOne(broker)),
  'a connection to the broker stalls': stallOne(broker),
  'broker blocks': blocks,
  'queues are full'({ world }) {
    world.broker.trouble.full = true
    return () => {
      world.broker.trouble.full = false
    }
  },
  'nothing is bound'({ world }) {
    world.broker.trouble.unbound = true
    return () => {
      world.broker.trouble.unbound = false
    }
  },
}

export const ofPostgres: Record<string, Fault> = {
  'postgres stalls, and at the next commit a worker loses the broker'(parts) {
    const { world, fleet } = parts
    world.aimed.commit.push(() => {
      for (const wire of [...world.broker.server.wires]) if (fleet.workers.some((one) => one === wire.owner)) wire.cut()
    })
    return stalled(postgres)(parts)
  },
  'postgres restarts': down(postgres),
  'postgres stalls': stalled(postgres),
  'postgres is slow': slow(postgres, 400),
  'postgres loses answers': losesAnswers(postgres),
  'at a parking postgres restarts': aimed('park', down(postgres)),
  'postgres hangs'({ world }) {
    world.postgres.stuck = true
    world.postgres.server.health.stalled = true
    return () => {
      world.postgres.stuck = false
      world.postgres.server.health.stalled = false
    }
  },
}

export const ofEngine: Record<string, Fault> = {
  'engine restarts': down(engine),
  'engine stalls': stalled(engine),
  'engine stalls, and does later what it was asked before': stalledAndLate,
  'engine loses answers': losesAnswers(engine),
  'engine refuses some'({ world }) {
    world.engine.store.refuses = 0.9
    return () => {
      world.engine.store.refuses = 0
    }
  },
  'the index is deleted'({ world }) {
    world.engine.store.index = undefined
    return undefined
  },
}

/** Redis comes back without the last it was told, or without anything. */
export const ofForgetfulRedis: Record<string, Fault> = {
  'redis loses its last writes': down(redis, ({ redis: { store }, random, clock_ms }) =>
    store.forgetAfter(clock_ms() - random.float() * 1_500),
  ),
  'redis is wiped': wiped,
  'a replica without the last writes takes over': takesOver,
  'an api freezes at an accept, and a replica without it takes over': aimed('accept', (parts) => {
    apiFreezes(parts)
    return takesOver(parts)
  }),
}
