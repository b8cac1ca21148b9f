import type { Random } from './random.ts'

/** Whom an event belongs to: what happens to a process that crashed happens no more, and what is frozen waits. */
export interface Owner {
  alive: boolean
  /** Until when nothing of it runs, in simulated milliseconds. */
  frozenUntil: number
}

export interface Event {
  at: number
  order: number
  owner: Owner | undefined
  run: () => unknown
  cancelled: boolean
}

/** What an event gives by which no promise can have been settled: then nothing has to be waited for before the next one. */
export const alone = 'alone'

/** Simulated time, and the order of everything in it. One thing happens at a time; promises settle before the next. */
export interface Scheduler {
  /** Simulated milliseconds since the start. */
  now(): number
  /** How many events there were: what is done within one of them is done at one moment. */
  moment(): number
  /** Whose event is running; what it starts is its own. */
  owner(): Owner | undefined
  /** Runs `run` after `delay_ms`, for `owner`. */
  after(delay_ms: number, owner: Owner | undefined, run: () => unknown): Event
  /** Runs events until `isOver` says so. Rejects with what an event throws, or when nothing is left to happen. */
  run(isOver: () => boolean): Promise<void>
}

const before = (a: Event, b: Event) => a.at < b.at || (a.at === b.at && a.order < b.order)

/** @param nextTurn Runs what it is given after all promises have settled. */
export function createScheduler(random: Random, nextTurn: (run: () => void) => unknown): Scheduler {
  const heap: Event[] = []
  let now = 0
  let moment = 0
  let order = 0
  let owner: Owner | undefined

  const push = (event: Event) => {
    let at = heap.length
    heap.push(event)
    while (at > 0) {
      const up = (at - 1) >> 1
      const parent = heap[up] as Event
      if (!before(event, parent)) break
      heap[at] = parent
      at = up
    }
    heap[at] = event
  }
  const pop = (): Event | undefined => {
    const first = heap[0]
    const moved = heap.pop()
    if (first === undefined || moved === undefined || heap.length === 0) return first
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && before(heap[child + 1] as Event, heap[child] as Event)) child += 1
      const below = heap[child] as Event
      if (!before(below, moved)) break
      heap[at] = below
      at = child
    }
    heap[at] = moved
    return first
  }

  /** Runs the next event that is due and not void. Gives whether there was one, and promises may have been settled by it. */
  const step = (): 'none' | 'alone' | 'settling' => {
    for (let event = pop(); event !== undefined; event = pop()) {
      if (event.cancelled || event.owner?.alive === false) continue
      if (event.owner !== undefined && event.owner.frozenUntil > event.at) {
        event.at = event.owner.frozenUntil
        event.order = order++
        push(event)
        continue
      }
      now = Math.max(now, event.at)
      moment += 1
      owner = event.owner
      return event.run() === alone ? alone : 'settling'
    }
    return 'none'
  }

  return {
    now: () => now,
    moment: () => moment,
    owner: () => owner,
    after(delay_ms, owner, run) {
      // Never twice the same moment: what is due together happens in an order that the seed decides.
      const at = now + Math.max(0, delay_ms) + random.float() * 0.01
      const event = { at, order: order++, owner, run, cancelled: false }
      push(event)
      return event
    },
    run: (isOver) =>
      new Promise((resolve, reject) => {
        const turn = () => {
          try {
            for (let next: ReturnType<typeof step> = alone; next === alone; ) {
              if (isOver()) return resolve()
              next = step()
              if (next === 'none') return reject(new Error('nothing is left to happen'))
            }
          } catch (thrown) {
            return reject(thrown)
          }
          nextTurn(turn)
        }
        nextTurn(turn)
      }),
  }
}
