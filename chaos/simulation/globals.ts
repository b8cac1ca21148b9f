import type { Random } from './random.ts'
import type { Event, Scheduler } from './scheduler.ts'

/** Longest that a turn of a process's event loop takes, in simulated milliseconds. */
const turnMax_ms = 0.5

/**
 * Puts simulated time and seeded chance in place of what the product's code takes from its surroundings: timers, Date,
 * performance.now, Math.random and the random bytes of ids. Gives what puts the real ones back. AbortSignal.any is replaced too: Node
 * keeps a signal of its own for as long as somebody listens to it, and so whatever waits when a simulation ends.
 * @param start_ms When the simulation begins, in milliseconds of the Unix epoch: later than any before it in this process, since
 * ids (UUIDv7) never go back.
 */
export function replaceGlobals(scheduler: Scheduler, random: Random, start_ms: number): () => void {
  const real = {
    Date: globalThis.Date,
    setTimeout: globalThis.setTimeout,
    clearTimeout: globalThis.clearTimeout,
    setInterval: globalThis.setInterval,
    clearInterval: globalThis.clearInterval,
    setImmediate: globalThis.setImmediate,
  }
  const performanceNow = performance.now
  const mathRandom = Math.random
  const { getRandomValues, randomUUID } = crypto
  const any = AbortSignal.any
  const now_ms = () => Math.floor(start_ms + scheduler.now())

  class SimulatedDate extends real.Date {
    constructor(...args: [] | [number | string]) {
      if (args.length === 0) super(now_ms())
      else super(args[0])
    }
    static override now = now_ms
  }
  const replaced = {
    Date: SimulatedDate,
    setTimeout: (run: (...args: unknown[]) => void, delay_ms = 0, ...args: unknown[]) =>
      timer(() => run(...args), delay_ms),
    clearTimeout: cancel,
    setInterval(run: () => void, every_ms: number) {
      const handle = timer(tick, every_ms)
      function tick() {
        handle.event = scheduler.after(every_ms, handle.event.owner, tick)
        run()
      }
      return handle
    },
    clearInterval: cancel,
    setImmediate: (run: () => void) => timer(run, random.float() * turnMax_ms),
  }
  function timer(run: () => void, delay_ms: number): Timer {
    return new Timer(scheduler.after(delay_ms, scheduler.owner(), run))
  }
  Object.assign(globalThis, replaced)
  performance.now = () => scheduler.now()
  AbortSignal.any = anyOf
  Math.random = random.float
  crypto.getRandomValues = ((bytes: Uint8Array) => {
    for (let at = 0; at < bytes.length; at += 1) bytes[at] = random.below(256)
    return bytes
  }) as typeof crypto.getRandomValues
  crypto.randomUUID = () => {
    const hex = Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString('hex')
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`
  }

  return () => {
    Object.assign(globalThis, real)
    performance.now = performanceNow
    AbortSignal.any = any
    Math.random = mathRandom
    Object.assign(crypto, { getRandomValues, randomUUID })
  }
}

function anyOf(signals: AbortSignal[]): AbortSignal {
  const all = new AbortController()
  for (const signal of signals) {
    if (signal.aborted) all.abort(signal.reason)
    else signal.addEventListener('abort', () => all.abort(signal.reason), { once: true })
  }
  return all.signal
}

/** What setTimeout gives: as much of it as anybody uses. */
class Timer {
  event: Event
  constructor(event: Event) {
    this.event = event
  }
  unref(): this {
    return this
  }
  ref(): this {
    return this
  }
}

function cancel(timer: Timer | undefined): void {
  if (timer !== undefined) timer.event.cancelled = true
}
