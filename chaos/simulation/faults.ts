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

interface FaultParts {
  world: World
  fleet: Fleet
}

/** One thing that goes wrong. Gives how it is made good again; nothing where it passes by itself. */
type Fault = (parts: FaultParts) => (() => void) | undefined

const down =
  (server: (world: World) => Server, onUp: (world: World) => void = () => undefined): Fault =>
  ({ world }) => {
    takeDown(server(world))
    return () => {
      server(world).health.up = true
      onUp(world)
    }
  }
const stalled =
  (server: (world: World) => Server): Fault =>
  ({ world }) => {
    server(world).health.stalled = true
    return () => resumeAll(server(world))
  }
const slow =
  (server: (world: World) => Server, most_ms: number): Fault =>
  ({ world }) => {
    server(world).health.slow_ms = world.random.between(5, most_ms)
    return () => {
      server(world).health.slow_ms = 0
    }
  }
const cutOne =
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
const losesAnswers =
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
const aimed =
  (at: keyof World['aimed'], fault: Fault): Fault =>
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

/** Several at once. */
const together =
  (...faults: [Fault, ...Fault[]]): Fault =>
  (parts) => {
    const heals = faults.map((fault) => fault(parts))
    return () => {
      for (const heal of heals) heal?.()
    }
  }

const redis = (world: World) => world.redis.server
const broker = (world: World) => world.broker.server
const postgres = (world: World) => world.postgres.server
const engine = (world: World) => world.engine.server

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
const workersCrash: Fault = ({ world, fleet }) => {
  for (const worker of fleet.workers) crash(world, worker)
  return () => {
    for (const at of fleet.workers.keys()) fleet.restartWorker(at)
  }
}
const apiFreezes: Fault = (parts) =>
  frozen(parts, parts.fleet.apis[parts.world.random.below(parts.fleet.apis.length)]?.process)
const blocks: Fault = ({ world: { broker: on } }) => {
  on.block(true)
  return () => on.block(false)
}
const wiped = down(redis, ({ redis: { store } }) => store.wipe())
/** Another one takes over at once, and knows nothing. */
const emptied: Fault = ({ world: { redis: on } }) => {
  for (const wire of [...on.server.wires]) wire.cut()
  on.store.wipe()
  return undefined
}
const takesOver: Fault = ({ world: { redis: on, random, clock_ms } }) => {
  for (const wire of [...on.server.wires]) wire.cut()
  on.store.forgetAfter(clock_ms() - random.float() * 300)
  return undefined
}

const ofProcesses: Record<string, Fault> = {
  'api crashes': apiCrashes,
  'an api crashes at an accept': aimed('accept', apiCrashes),
  'worker crashes': workerCrashes,
  'a worker crashes at a commit': aimed('commit', workerCrashes),
  'api freezes': apiFreezes,
  'worker freezes': (parts) => frozen(parts, parts.fleet.workers[parts.world.random.below(parts.fleet.workers.length)]),
}

/** Redis away or late, with all that it knows. */
const ofRedis: Record<string, Fault> = {
  'redis restarts': down(redis, ({ redis: { store } }) => store.restart()),
  'redis stalls': stalled(redis),
  'redis is slow': slow(redis, 120),
  'a connection to redis is cut': cutOne(redis),
  'a connection to redis stalls': stallOne(redis),
  'redis evicts'({ world }) {
    const { store } = world.redis
    for (const [key, { expiresAt }] of store.contents())
      if (expiresAt !== undefined && !key.includes('floor:') && world.random.chance(0.5)) store.evict(key)
    return undefined
  },
}

const ofBroker: Record<string, Fault> = {
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

const ofPostgres: Record<string, Fault> = {
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
  'postgres hangs'({ world }) {
    world.postgres.stuck = true
    world.postgres.server.health.stalled = true
    return () => {
      world.postgres.stuck = false
      world.postgres.server.health.stalled = false
    }
  },
}

const ofEngine: Record<string, Fault> = {
  'engine restarts': down(engine),
  'engine stalls': stalled(engine),
  'engine loses answers': losesAnswers(engine),
  'engine refuses some'({ world }) {
    world.engine.store.refuses = 0.4
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
const ofForgetfulRedis: Record<string, Fault> = {
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

/** All that could make good what a worker lost is gone with it; of what is in the queue nothing may be lost all the same. */
const allButTheQueue = together(workersCrash, down(postgres), wiped)
/** The queue grows, a barrier comes in behind it, and when Postgres goes on it takes long for each commit. */
const postgresFallsBehind: Fault = (parts) => {
  const { scheduler, random } = parts.world
  const stall = stalled(postgres)(parts)
  emptied(parts)
  let over = false
  const slowly = slow(postgres, 400)(parts)
  scheduler.after(random.between(900, 2_000), undefined, () => over || stall?.())
  return () => {
    over = true
    stall?.()
    slowly?.()
  }
}
const ofLosses: Record<string, Fault> = {
  'at an ack all but the queue is gone': aimed('ack', allButTheQueue),
  'the broker blocks, and at an ack all but the queue is gone': together(blocks, aimed('ack', allButTheQueue)),
  'at an ack the broker blocks, and all but the queue is gone': aimed('ack', together(blocks, allButTheQueue)),
  'redis is wiped, and postgres falls behind': postgresFallsBehind,
  'redis is wiped while postgres is slow': together(wiped, slow(postgres, 400)),
  'a replica without the last writes takes over while postgres is slow': together(takesOver, slow(postgres, 400)),
}

type Kinds = [Record<string, Fault>, ...Record<string, Fault>[]]
const lossless: Kinds = [ofProcesses, ofRedis, ofBroker, ofPostgres, ofEngine]
const lossy: Kinds = [ofProcesses, ofForgetfulRedis, ofLosses, ofRedis, ofBroker, ofPostgres, ofEngine]

/** Plans what goes wrong within `during_ms`; everything is made good by then. Gives what tells whether it is. */
export function planFaults(parts: FaultParts, during_ms: number): { healed(): boolean } {
  const { world } = parts
  const { scheduler, random } = world
  let open = 0
  const isFocused = !world.lossless && random.chance(0.3)
  const plan = (name: string, fault: Fault) => {
    open += 1
    const starts = random.float() * during_ms
    const most_ms = isFocused ? 4_000 : random.chance(0.5) ? 200 : 2_000
    const lasts = Math.min(random.float() * most_ms, during_ms - starts)
    scheduler.after(starts, undefined, () => {
      world.trace(() => `fault: ${name}`)
      const heal = fault(parts)
      scheduler.after(lasts, undefined, () => {
        open -= 1
        if (heal === undefined) return
        world.trace(() => `healed: ${name}`)
        heal()
      })
    })
  }
  const all = world.lossless ? lossless : lossy
  const kinds: Kinds = isFocused ? [ofLosses] : all
  for (let n = random.below(8); n > 0; n -= 1) {
    const kind = Object.entries(random.pick(kinds)) as [[string, Fault], ...[string, Fault][]]
    plan(...random.pick(kind))
  }
  return { healed: () => open === 0 }
}
