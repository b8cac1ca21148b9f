import type { Api } from './api.ts'
import {
  aimed,
  blocks,
  broker,
  down,
  emptied,
  evict,
  type Fault,
  type FaultParts,
  ofBroker,
  ofPostgres,
  postgres,
  redis,
  slow,
  stalled,
  stalledAndLate,
  takesOver,
  together,
  wiped,
  workersCrash,
} from './faults.ts'
import type { Owner } from './scheduler.ts'
import type { Server } from './server.ts'
import type { World } from './world.ts'

/*
 * Faults that are aimed at one guard each: what happens where every other one of them would be of no use.
 */

/** All that could make good what a worker lost is gone with it; of what is in the queue nothing may be lost all the same. */
const allButTheQueue = together(workersCrash, down(postgres), wiped)
/**
 * Somebody locks the table: the queue grows, a barrier comes in behind it, and when the lock is gone Postgres takes long for each commit,
 * and workers hang once the barrier has passed.
 */
const postgresFallsBehind: Fault = (parts) => {
  const { world, fleet } = parts
  const { scheduler, random, postgres: locked } = world
  world.aimed.pass.push(() => freeze(world, fleet.workers, random.between(200, 500)))
  const slowly = slow(postgres, 50)
  let heal: ReturnType<Fault>
  let over = false
  locked.stuck = true
  scheduler.after(random.float() * 250, undefined, () => over || emptied(parts))
  scheduler.after(random.between(900, 1_500), undefined, () => {
    locked.stuck = false
    if (!over) heal = slowly(parts)
  })
  return () => {
    over = true
    locked.stuck = false
    heal?.()
  }
}
/** First a backlog: a worker has much in hand when Postgres goes on, and all of it is settled at once but for what cannot be parked. */
const afterABacklog =
  (fault: Fault): Fault =>
  (parts) => {
    const { scheduler, random } = parts.world
    const goOn = stalled(postgres)(parts)
    let heal: ReturnType<Fault>
    scheduler.after(random.between(200, 500), undefined, () => {
      heal = fault(parts)
      goOn?.()
    })
    return () => {
      goOn?.()
      heal?.()
    }
  }
/** What was accepted waits in the queue while Redis, and not Postgres, forgets that it does. */
const emptiedAhead: Fault = aimed('accept', (parts) => {
  const { world, fleet } = parts
  freeze(world, fleet.workers, world.random.between(400, 900))
  return emptied(parts)
})
export const ofBacklogs: Record<string, Fault> = {
  'after a backlog the broker blocks, and at an ack all but the queue is gone': afterABacklog(
    together(blocks, aimed('ack', allButTheQueue)),
  ),
}
export const ofForgetting: Record<string, Fault> = { 'at an accept redis is emptied, and workers freeze': emptiedAhead }
export const ofAcks: Record<string, Fault> = {
  'at an ack all but the queue is gone': aimed('ack', allButTheQueue),
  'the broker blocks, and at an ack all but the queue is gone': together(blocks, aimed('ack', allButTheQueue)),
  'at an ack the broker blocks, and all but the queue is gone': aimed('ack', together(blocks, allButTheQueue)),
}
export const ofFallingBehind: Record<string, Fault> = {
  'redis is wiped, and postgres falls behind': postgresFallsBehind,
}
export const ofSlowness: Record<string, Fault> = {
  'redis is wiped while postgres is slow': together(wiped, slow(postgres, 400)),
  'a replica without the last writes takes over while postgres is slow': together(takesOver, slow(postgres, 400)),
}

/** Does something again and again, until it is made good. */
const repeatedly =
  (pause_ms: number, run: (parts: FaultParts) => void): Fault =>
  (parts) => {
    const { scheduler, random } = parts.world
    let over = false
    const again = () => {
      if (over) return
      run(parts)
      scheduler.after(random.between(0.2, 1) * pause_ms, undefined, again)
    }
    again()
    return () => {
      over = true
    }
  }
const wiresOf = (server: Server, owner: Owner | undefined) => [...server.wires].filter((wire) => wire.owner === owner)
const freeze = ({ scheduler }: World, owners: Owner[], ms: number) => {
  for (const owner of owners) owner.frozenUntil = scheduler.now() + ms
}

/** What is clean does not stay long. */
const shortOfMemory = repeatedly(50, ({ world }) => evict(world, 'all', 0.7))

/**
 * A process has read a row, or that there is none, and what it makes of it hangs in its connection to the cache until the record was
 * changed, or made by another, and the newer copy is gone, or everything that may go.
 */
const lateFill =
  (found: 'read' | 'miss', gone: 'copies' | 'all'): Fault =>
  ({ world }) => {
    const { scheduler, random } = world
    const server = redis(world)
    evict(world, 'copies', 1)
    world.aimed[found].push((reader) => {
      const wires = wiresOf(server, reader)
      for (const wire of wires) wire.stall()
      scheduler.after(random.between(100, 700), undefined, () => {
        evict(world, gone, 1)
        for (const wire of wires) wire.resume()
      })
    })
    return () => {
      world.aimed[found].splice(0)
    }
  }

/**
 * Redis forgets what the active worker has in hand, together with the barrier that the other one sends behind it. Who finds nothing in
 * Postgres meanwhile says so late, and workers hang again once the barrier has passed.
 */
const emptiedUnderWork: Fault = aimed('accept', (parts) => {
  const { world, fleet } = parts
  const { random, scheduler, aimed: at } = world
  const held = fleet.workers.filter(() => random.chance(0.5))
  freeze(world, held, random.between(1_500, 2_600))
  at.pass.push(() => freeze(world, fleet.workers, random.between(200, 500)))
  let over = false
  const again = () =>
    at.miss.push((reader) => {
      if (over) return
      const wires = wiresOf(redis(world), reader)
      for (const wire of wires) wire.stall()
      scheduler.after(random.between(50, 240), undefined, () => {
        for (const wire of wires) wire.resume()
        again()
      })
    })
  again()
  const heal = emptied(parts)
  return () => {
    over = true
    heal?.()
  }
})

/** A connection goes on with another Redis that lacks what was accepted last, while that waits in the queue. */
const takesOverUnseen: Fault = aimed('accept', ({ world, fleet }) => {
  const { scheduler, random, truth, clock_ms } = world
  freeze(world, fleet.workers, random.between(600, 1_200))
  scheduler.after(random.between(3, 12), undefined, () => {
    truth.takenOverAt = scheduler.now()
    redisOf(world).forgetAfter(clock_ms() - 40)
  })
  return undefined
})
const redisOf = (world: World) => world.redis.store

/** New records went around Redis, which is back before they are persisted. */
const detour: Fault = (parts) => {
  const { world, fleet } = parts
  const { scheduler, random } = world
  freeze(world, fleet.workers, 1_500)
  const back = down(redis)(parts)
  scheduler.after(random.between(50, 300), undefined, () => back?.())
  return undefined
}

/**
 * What one process accepted hangs in its connection to the broker; a Redis without it takes over, and when Postgres counts as whole the
 * other process accepts another version in its place, for which Redis alone vouches. Then the first one comes.
 */
const twinComesLate: Fault = (parts) => {
  const { world, fleet } = parts
  const { scheduler, random, truth } = world
  const server = broker(world)
  const late = fleet.apis[random.below(fleet.apis.length)]?.process
  const wires = wiresOf(server, late)
  for (const wire of wires) wire.stall()
  let heal: ReturnType<Fault>
  let over = false
  const cutOthers = repeatedly(40, () => {
    const others = fleet.apis.filter(({ process }) => process !== late)
    for (const wire of others.flatMap(({ process }) => wiresOf(server, process))) wire.cut()
  })
  const wait = () => {
    if (over) return
    world.aimed.accept.push(() => {
      if (over) return
      if (truth.lastAcceptor() !== late || restsOnRedis(world)) return wait()
      takesOver(parts)
      scheduler.after(500, undefined, () => {
        if (!over) heal = cutOthers(parts)
      })
      scheduler.after(random.between(900, 2_200), undefined, () => {
        for (const wire of wires) wire.resume()
      })
    })
  }
  wait()
  return () => {
    over = true
    heal?.()
    for (const wire of wires) wire.resume()
  }
}
/** Whether somebody holds a promise that the broker knows nothing of. */
const restsOnRedis = ({ truth }: World): boolean => [...truth.promises.keys()].some((hash) => !truth.taken.has(hash))

/** Redis forgets what is still on its way to the broker, and who looks then must not take Postgres to be whole. */
const overtaken: Fault = ({ world, fleet }) => {
  const { scheduler, random } = world
  const wires = fleet.apis.flatMap(({ process }: Api) => wiresOf(broker(world), process))
  for (const wire of wires) wire.stall()
  world.aimed.accept.push(() => {
    takesOver({ world, fleet })
    scheduler.after(random.between(350, 470), undefined, () => {
      for (const wire of wires) wire.resume()
      freeze(world, fleet.workers, random.between(300, 700))
    })
  })
  return () => {
    for (const wire of wires) wire.resume()
  }
}

const named = (kind: Record<string, Fault>, name: string): Record<string, Fault> => ({ [name]: kind[name] ?? wiped })
export const ofBundles = named(ofAcks, 'at an ack all but the queue is gone')
export const ofRedeliveries = named(ofPostgres, 'postgres stalls, and at the next commit a worker loses the broker')
export const ofMemory: Record<string, Fault> = {
  'redis is short of memory': shortOfMemory,
  'redis is short of memory, and postgres is slow': together(shortOfMemory, slow(postgres, 150)),
}
export const ofLateFills: Record<string, Fault> = { 'a fill comes late, the copy is gone': lateFill('read', 'copies') }
export const ofLaterFills: Record<string, Fault> = {
  'a fill comes late, all that may go is gone': lateFill('read', 'all'),
}
export const ofLateCreates: Record<string, Fault> = {
  'a repeated create comes late, the copy is gone': lateFill('miss', 'copies'),
}
export const ofHeldWork: Record<string, Fault> = {
  'redis is emptied, and a worker hangs with a barrier': emptiedUnderWork,
}
export const ofUnseen: Record<string, Fault> = { 'at an accept another redis takes over unseen': takesOverUnseen }
export const ofDetours: Record<string, Fault> = { 'redis cannot be reached for a moment': detour }
export const ofDeadEnds: Record<string, Fault> = Object.fromEntries(
  ['queues are full', 'nothing is bound', 'broker stalls', 'a connection to the broker is cut'].map((name) => [
    `redis cannot be reached, and ${name}`,
    together(down(redis), ofBroker[name] ?? blocks),
  ]),
)
export const ofTwins: Record<string, Fault> = { 'a twin comes late': twinComesLate }
export const ofOvertaking: Record<string, Fault> = { 'redis forgets what is on its way': overtaken }
export const ofParking: Record<string, Fault> = { 'at a parking postgres goes away': aimed('park', down(postgres)) }
export const ofLateWrites: Record<string, Fault> = { 'the engine does later what it was asked': stalledAndLate }
