import { connectCache } from '@ordermill/cache'
import { type Held, plainText, takeSteps, withoutEpoch } from './cache-steps.ts'
import { replaceGlobals } from './globals.ts'
import { pickPlan } from './plans.ts'
import { createRandom } from './random.ts'
import { createScheduler } from './scheduler.ts'
import { createWorld, startProcess } from './world.ts'

/** Takes the steps on a Redis in memory; gives the answers and what it holds. */
export async function runInMemory(seed: number, steps: number): Promise<{ answers: unknown[]; held: Held[] }> {
  const random = createRandom(seed)
  const scheduler = createScheduler(random, (turn) => queueMicrotask(() => process.nextTick(turn)))
  const start_ms = Date.now()
  const restore = replaceGlobals(scheduler, random, start_ms)
  const broken = () => undefined // no promise is at stake here
  const world = createWorld({ scheduler, random, broken, trace: () => undefined, plan: pickPlan(random), start_ms })
  let answers: unknown[] | undefined
  let failure: unknown
  startProcess(world, 'steps', ({ host }) => {
    const onReady = () => {
      takeSteps(client, '', seed, steps).then(
        (all) => {
          answers = all
        },
        (error: unknown) => {
          failure = error
        },
      )
    }
    const client = connectCache({ urls: [`redis://${host}`], timeout_ms: 1_000, onError: () => undefined, onReady })
  })
  try {
    await scheduler.run(() => answers !== undefined || failure !== undefined)
  } finally {
    restore()
  }
  if (answers === undefined) throw failure
  const now = world.clock_ms()
  const { store } = world.redis
  const held = [...store.contents()].map(([key, { value, expiresAt }]): Held => {
    const ttl_s = expiresAt === undefined ? -60 : (expiresAt - now) / 1_000
    const plain = typeof value === 'string' ? plainText(key, value, store.runId()) : [...value.keys()].sort()
    return [key, withoutEpoch(plain), Math.ceil(ttl_s / 60)]
  })
  return { answers, held: held.sort(([a], [b]) => (a < b ? -1 : 1)) }
}
