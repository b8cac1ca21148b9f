import { startApi } from './api.ts'
import { checkAll, isQuiet, whatMoves } from './check.ts'
import { startClients } from './clients.ts'
import type { Fleet } from './faults.ts'
import { replaceGlobals } from './globals.ts'
import { pickPlan, planFaults } from './plans.ts'
import { createRandom } from './random.ts'
import { createScheduler } from './scheduler.ts'
import { Violation } from './truth.ts'
import { startWorker } from './worker.ts'
import { createWorld, type World } from './world.ts'

/** How one seed went. */
export interface Run {
  seed: number
  /** What was broken; undefined if nothing was. */
  failure: string | undefined
  events: number
}

interface RunParts {
  seed: number
  /** When it begins, in milliseconds of the Unix epoch: later than where any before it in this process ended. */
  start_ms: number
  /** Told every line of the trace. */
  onTrace?: ((line: string) => void) | undefined
}

/** How long things go wrong, and how long it may take to come to rest after that, in simulated milliseconds. */
const faulty_ms = 5_000
const patience_ms = 60_000

/** Simulates one seed from the start until everything is quiet, and checks every promise. */
export async function simulate({ seed, start_ms, onTrace }: RunParts): Promise<Run> {
  const random = createRandom(seed)
  const scheduler = createScheduler(random, afterPromises)
  const { stackTraceLimit } = Error
  if (onTrace === undefined) Error.stackTraceLimit = 0 // the product throws a lot here; --trace has the stacks
  const restore = replaceGlobals(scheduler, random, start_ms)
  const trace = (line: () => string) => onTrace?.(`${scheduler.now().toFixed(2).padStart(9)} ${line()}`)
  let failure: unknown
  const broken = (what: string) => {
    failure ??= new Violation(what)
  }
  const world = createWorld({ scheduler, random, trace, broken, plan: pickPlan(random), start_ms })
  try {
    await live(world, () => failure !== undefined)
    if (failure === undefined) checkAll(world)
  } catch (thrown) {
    failure ??= thrown
  } finally {
    restore()
    Error.stackTraceLimit = stackTraceLimit
  }
  const message = failure instanceof Violation ? failure.message : failure instanceof Error ? failure.stack : undefined
  return { seed, failure: message, events: scheduler.moment() }
}

/** Everything starts, goes wrong, is made good, and comes to rest. */
async function live(world: World, isBroken: () => boolean): Promise<void> {
  const { scheduler } = world
  let failure: { error: unknown } | undefined
  const failed = (error: unknown) => {
    failure ??= { error }
  }
  const fleet = startFleet(world, failed)
  const faults = planFaults({ world, fleet }, faulty_ms)
  const clients = startClients({ world, apis: () => fleet.apis, failed })
  let healedAt = 0
  let nextLook = 0
  await scheduler.run(() => {
    if (failure !== undefined) throw failure.error
    if (isBroken()) return true
    if (!faults.healed() || !clients.done()) return false
    if (healedAt === 0) healedAt = scheduler.now()
    if (scheduler.now() < nextLook) return false
    nextLook = scheduler.now() + 50
    if (isQuiet(world)) return true
    if (scheduler.now() > healedAt + patience_ms)
      throw new Violation(`I1: it does not come to rest: ${whatMoves(world)}`)
    return false
  })
}

function startFleet(world: World, failed: (error: unknown) => void): Fleet {
  let count = 0
  const fleet: Fleet = {
    apis: [],
    workers: [],
    restartApi(at) {
      fleet.apis[at] = startApi(world, `api${++count}`)
    },
    restartWorker(at) {
      fleet.workers[at] = startWorker(world, `worker${++count}`, failed)
    },
  }
  for (const at of [0, 1]) {
    fleet.restartApi(at)
    fleet.restartWorker(at)
  }
  return fleet
}

/**
 * Runs `turn` once all promises have settled, and what they left for the next tick is done, without a round of the event loop: Node runs
 * that only when no microtask is left.
 */
const afterPromises = (turn: () => void) => Promise.resolve().then(() => process.nextTick(() => process.nextTick(turn)))
