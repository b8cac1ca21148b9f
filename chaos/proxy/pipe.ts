import type { Socket } from 'node:net'
import type { Random } from '../simulation/random.ts'
import type { Acting, Toxic } from './toxics.ts'

/** One direction of a connection through the proxy. */
export interface Pipe {
  /** What acts on it may be another now. */
  changed(): void
  /** The connection is gone. */
  stop(): void
}

interface PipeParts {
  from: Socket
  to: Socket
  /** What of this type acts on this direction now. */
  acting<T extends Toxic['type']>(type: T): Acting<T> | undefined
  random: Random
  /** Ends the connection, this direction and the other. */
  end(how: 'close' | 'reset'): void
  /** Told of what was sent, before it is passed on or lost. */
  onSent(bytes: Buffer): void
}

/** So much waits before the sender is stopped, as full buffers of the network stop it. */
const waitingMax_bytes = 256 * 1024
/** A slow link passes on what it takes in this time at once. */
const grain_ms = 50
/** Nothing is due: only a change goes on from here. */
const never = Number.POSITIVE_INFINITY

/** Passes on what comes from one socket to the other, as well as what acts on it allows. What acts may change at any time. */
export function createPipe({ from, to, acting, random, end, onSent }: PipeParts): Pipe {
  const waiting: { bytes: Buffer; at_ms: number; luck: number }[] = []
  let waiting_bytes = 0
  let ended: { at_ms: number; by: 'close' | 'reset' } | undefined
  let isOver = false
  let isForgotten = false
  let free_ms = 0 // when the link is free for the next piece
  let limited: { toxic: Toxic; bytes: number } | undefined
  let timer: NodeJS.Timeout | undefined

  const pump = () => {
    clearTimeout(timer)
    let wait_ms = 0
    while (wait_ms <= 0) wait_ms = step(performance.now())
    if (wait_ms !== never) timer = setTimeout(pump, wait_ms)
  }
  /** Does what is due. Gives in how many milliseconds something else is; 0: perhaps at once. */
  const step = (now_ms: number): number => {
    if (isOver) return never
    const silence = acting('timeout')
    if (silence !== undefined || isForgotten) {
      isForgotten = true
      take(waiting_bytes)
      if (silence === undefined) return ended === undefined ? never : finish('reset')
      const { timeout_ms } = silence.toxic
      return timeout_ms === 0 ? never : at(silence.since_ms + timeout_ms, now_ms, () => finish('close'))
    }
    const reset = acting('reset_peer')
    const due_ms = reset === undefined ? never : reset.since_ms + reset.toxic.timeout_ms
    if (now_ms >= due_ms) return finish('reset')
    if (acting('bandwidth')?.toxic.bytes_per_second === 0) return due_ms - now_ms
    if (ended?.by === 'reset') return finish('reset')
    return Math.min(due_ms - now_ms, waiting.length > 0 ? pass(now_ms) : close(now_ms))
  }
  const pass = (now_ms: number): number => {
    const [head] = waiting
    if (head === undefined || to.writableNeedDrain) return never
    const rate = acting('bandwidth')?.toxic.bytes_per_second
    const { latency_ms = 0, jitter_ms = 0 } = acting('latency')?.toxic ?? {}
    const due_ms = Math.max(free_ms, head.at_ms + latency_ms + head.luck * jitter_ms)
    if (now_ms < due_ms) return due_ms - now_ms
    const slicer = acting('slicer')?.toxic
    const room = roomLeft()
    const piece = take(Math.min(head.bytes.length, slice(slicer), grainOf(rate), room))
    to.write(piece)
    if (limited !== undefined) limited.bytes += piece.length
    if (piece.length === room) return finish('close')
    free_ms = now_ms + (slicer?.delay_ms ?? 0) + (rate === undefined ? 0 : (piece.length / rate) * 1_000)
    return 0
  }
  const close = (now_ms: number): number => {
    if (ended === undefined) return never
    return at(ended.at_ms + (acting('slow_close')?.toxic.delay_ms ?? 0), now_ms, () => {
      isOver = true
      to.end()
      return never
    })
  }
  const finish = (how: 'close' | 'reset'): number => {
    isOver = true
    end(how)
    return never
  }
  /** Takes the first bytes of what waits. */
  const take = (bytes: number): Buffer => {
    const taken: Buffer[] = []
    for (let left = bytes; left > 0; ) {
      const head = waiting.shift()
      if (head === undefined) break
      taken.push(head.bytes.subarray(0, left))
      if (head.bytes.length > left) waiting.unshift({ ...head, bytes: head.bytes.subarray(left) })
      left -= head.bytes.length
    }
    waiting_bytes -= bytes
    if (waiting_bytes < waitingMax_bytes) from.resume()
    return Buffer.concat(taken)
  }
  const slice = (slicer: Acting<'slicer'>['toxic'] | undefined): number =>
    slicer === undefined
      ? never
      : Math.max(1, Math.round(slicer.average_bytes + random.between(-1, 1) * slicer.variation_bytes))
  /** How much may pass until the connection is closed. */
  const roomLeft = (): number => {
    const toxic = acting('limit_data')?.toxic
    if (toxic === undefined) return never
    if (limited?.toxic !== toxic) limited = { toxic, bytes: 0 }
    return Math.max(0, toxic.bytes - limited.bytes)
  }

  from.on('data', (bytes: Buffer) => {
    onSent(bytes)
    waiting.push({ bytes, at_ms: performance.now(), luck: random.between(-1, 1) })
    waiting_bytes += bytes.length
    if (waiting_bytes >= waitingMax_bytes) from.pause()
    pump()
  })
  const endBy = (by: 'close' | 'reset') => () => {
    ended ??= { at_ms: performance.now(), by }
    pump()
  }
  from.on('end', endBy('close'))
  from.on('error', endBy('reset'))
  to.on('drain', pump)
  return {
    changed: pump,
    stop() {
      isOver = true
      clearTimeout(timer)
    },
  }
}

/** Does it if the time has come; else gives how long that takes. */
const at = (due_ms: number, now_ms: number, act: () => number): number => (now_ms >= due_ms ? act() : due_ms - now_ms)

const grainOf = (rate: number | undefined): number =>
  rate === undefined ? never : Math.max(1, Math.floor((rate * grain_ms) / 1_000))
