import { Unavailable } from '@ordermill/model'
import type { Random } from './random.ts'
import { alone, type Owner, type Scheduler } from './scheduler.ts'
import type { Server } from './server.ts'

interface AskingParts {
  scheduler: Scheduler
  random: Random
  server: Server
  owner: Owner
  usual_ms: number
  /** After so long without an answer the driver gives up. */
  timeout_ms: number
}

/** Asks a server over connections of a pool: each question has its own way, and nothing is in order. */
export interface Asking {
  /** @throws Unavailable, also where the effect took place and its answer was lost; whatever the effect throws */
  <T>(effect: () => T): Promise<T>
}

export function createAsking({ scheduler, random, server, owner, usual_ms, timeout_ms }: AskingParts): Asking {
  const { health } = server
  const delay_ms = () => random.float() * usual_ms + (health.slow_ms > 0 ? random.float() * health.slow_ms : 0)
  return (effect) =>
    new Promise((resolve, reject) => {
      const fail = (after_ms: number, code: string) =>
        scheduler.after(after_ms, owner, () => reject(new Unavailable(code, `${server.name}: ${code}`)))
      const started = scheduler.now()
      const left_ms = () => started + timeout_ms - scheduler.now()
      if (!health.up) return void fail(delay_ms(), 'ECONNREFUSED')
      const takePlaceLate = () => {
        if (health.stalled) scheduler.after(random.float() * 500, undefined, takePlaceLate)
        else if (health.up) ignored(effect)
      }
      const giveUp = () => {
        if (health.late) takePlaceLate()
        fail(0, 'timeout')
      }
      const attempt = () => {
        if (health.stalled)
          return void (left_ms() > 0
            ? scheduler.after(5 + left_ms() * random.float(), undefined, attemptAlone)
            : giveUp())
        if (!health.up) return void fail(delay_ms(), 'ECONNRESET')
        let answer: () => void
        try {
          const value = effect()
          answer = () => resolve(value)
        } catch (thrown) {
          answer = () => reject(thrown)
        }
        if (random.chance(health.losesAnswers))
          return void fail(random.chance(0.5) ? delay_ms() : Math.max(0, left_ms()), 'ECONNRESET')
        const way_ms = delay_ms()
        if (way_ms > left_ms()) fail(Math.max(0, left_ms()), 'timeout')
        else scheduler.after(way_ms, owner, answer)
      }
      const attemptAlone = () => {
        attempt()
        return alone
      }
      scheduler.after(delay_ms(), undefined, attemptAlone)
    })
}

/** Nobody is there to be told. */
function ignored(effect: () => unknown): void {
  try {
    effect()
  } catch {}
}
