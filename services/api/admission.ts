import type { IncomingMessage, ServerResponse } from 'node:http'
import { isProbe } from './parts.ts'
import { correlationIdOf } from './plugins/correlation.ts'
import { problemOf } from './plugins/problems.ts'

/** How often the event loop is asked how late it is. */
const every_ms = 100
/** After so long without a refusal, the next one begins another time of them. */
const pause_ms = 5_000
const retryAfter_s = 2
const told = { status: 503, code: 'overloaded', detail: 'The API has more to do than it can.' }

/** How far a request in hand is: a handler works at it, or it has only arrived. Absent: not in hand. */
const standing = Symbol('standing')
type Held = IncomingMessage & { [standing]?: 'arrived' | 'handled' | undefined }

interface Limits {
  /** Most requests in hand at once. */
  requestsMax: number
  /** How late the event loop may be, in milliseconds; 0: as late as it likes. */
  delayMax_ms: number
  /** Requests begin to be refused, none having been for a while. */
  onRefusing(now: { in_hand: number; delay_ms: number }): void
}

/**
 * Refuses with 503 what comes while there is more to do than can be done: while as many requests are in hand as may be, or the event
 * loop is later than it may be. What was taken is answered soon then; without a limit everybody waits until nobody listens any more.
 * A refusal costs as little as can be, since many have to be told: it goes past the framework. Health and metrics are always answered.
 */
export class Admission {
  readonly #limits: Limits
  /**
   * How many are in hand; how far each is stands on it. A Map of them is made anew every hundred requests, and V8 links each table to the
   * next one: once one is among the old objects, so are all after it, and all requests that were in them. The collector took 13 % of the
   * CPU of reads for that, and takes 4.
   */
  #inHand = 0
  #refused = 0
  #refusedAt = Number.NEGATIVE_INFINITY
  #delay_ms = 0
  #left = false
  #due = performance.now() + every_ms
  readonly #timer: NodeJS.Timeout
  /** One for all: as a listener it is called with the response as `this`. */
  readonly #onClose: (this: ServerResponse) => void

  constructor(limits: Limits) {
    this.#limits = limits
    const release = (request: Held) => this.release(request)
    this.#onClose = function () {
      const request: Held = this.req
      if (request[standing] === 'arrived') release(request)
    }
    // Timers run before sockets are read: what came in while the loop stood still meets the flag already set.
    this.#timer = setInterval(() => this.#look(), every_ms)
    this.#timer.unref()
  }

  /** How many requests are in hand. */
  get inHand(): number {
    return this.#inHand
  }
  /** How many were refused so far. */
  get refused(): number {
    return this.#refused
  }

  /** Takes a request in hand; or answers it, and gives false. */
  admits(request: Held, response: ServerResponse): boolean {
    if (isProbe(request)) return true
    if (this.#isLate || this.#inHand >= this.#limits.requestsMax) {
      this.#refuse(request, response)
      return false
    }
    this.#inHand += 1
    request[standing] = 'arrived'
    // A body that never comes whole reaches no handler. One whose client has left counts as long as it is worked at.
    response.on('close', this.#onClose) // which it does once: with `once` Node makes a function for each
    return true
  }

  /** A handler works at it from now on. */
  handled(request: Held): void {
    if (request[standing] !== undefined) request[standing] = 'handled'
  }

  /** It is answered, or all it does from now on is to wait for others. */
  release(request: Held): void {
    if (request[standing] === undefined) return
    request[standing] = undefined
    this.#inHand -= 1
  }

  /** From now on a refusal closes its connection. */
  leave(): void {
    this.#left = true
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  get #isLate(): boolean {
    const { delayMax_ms } = this.#limits
    return delayMax_ms > 0 && this.#delay_ms > delayMax_ms
  }

  #look(): void {
    this.#delay_ms = performance.now() - this.#due
    this.#due = performance.now() + every_ms
  }

  #refuse(request: IncomingMessage, response: ServerResponse): void {
    this.#refused += 1
    const now = performance.now()
    if (now - this.#refusedAt > pause_ms)
      this.#limits.onRefusing({ in_hand: this.#inHand, delay_ms: Math.round(this.#delay_ms) })
    this.#refusedAt = now
    const id = correlationIdOf(request)
    const body = JSON.stringify(problemOf(told, id))
    response.writeHead(told.status, {
      'content-type': 'application/problem+json; charset=utf-8',
      'content-length': Buffer.byteLength(body),
      'x-correlation-id': id,
      'retry-after': String(retryAfter_s),
      ...(this.#left ? { connection: 'close' } : {}),
    })
    response.end(body)
  }
}
