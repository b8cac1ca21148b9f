import type { Random } from './random.ts'
import { alone, type Owner, type Scheduler } from './scheduler.ts'

/** How a simulated server is at the moment. */
export interface Health {
  up: boolean
  /** Nothing passes in either direction, and nobody is told: packets wait. */
  stalled: boolean
  /** Most milliseconds that a packet takes beside its usual way. */
  slow_ms: number
  /** How likely an answer is lost after the effect has taken place. */
  losesAnswers: number
  /** What was asked while it stalled may take place after its asker has given up. */
  late: boolean
}

/** A simulated server, as far as those who talk to it can tell. */
export interface Server {
  name: string
  health: Health
  wires: Set<Wire>
}

export const createServer = (name: string): Server => ({
  name,
  health: { up: true, stalled: false, slow_ms: 0, losesAnswers: 0, late: false },
  wires: new Set(),
})

/** A connection: what is sent arrives in order, until it is cut. */
export interface Wire {
  /** The process at the other end. */
  owner: Owner
  /** Towards the server. */
  send(run: () => void): void
  /** Towards the process. */
  push(run: () => void): void
  /** Nothing passes until `resume`. */
  stall(): void
  resume(): void
  /** Ends it: some of what is on its way still arrives at the server. Both ends are told, the process only if it lives. */
  cut(): void
  isCut(): boolean
}

interface Packet {
  runs: (() => void)[]
  moment: number
}

interface WireParts {
  scheduler: Scheduler
  random: Random
  server: Server
  /** The process at the other end. */
  owner: Owner
  /** Most milliseconds that a packet usually takes. */
  usual_ms: number
  /** Told at the server and at the process that it is over. */
  onCut(): void
}

/** One direction: packets in order. What is sent at one moment travels together. */
class Direction {
  readonly waiting: Packet[] = []
  lastAt = 0
  last: Packet | undefined
}

export function createWire({ scheduler, random, server, owner, usual_ms, onCut }: WireParts): Wire {
  const up = new Direction()
  const down = new Direction()
  let stalled = false
  let isCut = false

  const deliver = (direction: Direction) => {
    while (!isCut && !stalled && !server.health.stalled) {
      const packet = direction.waiting[0]
      if (packet === undefined || packet.moment > 0) return // not arrived yet
      direction.waiting.shift()
      if (direction.last === packet) direction.last = undefined
      for (const run of packet.runs) if (!isCut) run()
    }
  }
  const enqueue = (direction: Direction, run: () => void) => {
    if (isCut) return
    const moment = scheduler.moment()
    if (direction.last?.moment === moment) return void direction.last.runs.push(run)
    const packet = { runs: [run], moment }
    direction.last = packet
    direction.waiting.push(packet)
    const delay_ms =
      random.float() * usual_ms + (server.health.slow_ms > 0 ? random.float() * server.health.slow_ms : 0)
    direction.lastAt = Math.max(direction.lastAt, scheduler.now() + delay_ms)
    scheduler.after(direction.lastAt - scheduler.now(), direction === down ? owner : undefined, () => {
      packet.moment = 0
      deliver(direction)
      return direction === up ? alone : undefined // what a server does is sent back later
    })
  }
  const wire: Wire = {
    owner,
    send: (run) => enqueue(up, run),
    push: (run) => enqueue(down, run),
    stall() {
      stalled = true
    },
    resume() {
      stalled = false
      scheduler.after(0, undefined, () => deliver(up))
      scheduler.after(0, owner, () => deliver(down))
    },
    cut() {
      if (isCut) return
      const sent = server.health.up ? up.waiting.flatMap(({ runs }) => runs) : []
      const arriving = random.below(sent.length + 1)
      for (const run of sent.slice(0, arriving)) run()
      isCut = true
      server.wires.delete(wire)
      onCut()
    },
    isCut: () => isCut,
  }
  server.wires.add(wire)
  return wire
}

/** Takes a server away: every connection is cut, and none is made until it is back. */
export function takeDown(server: Server): void {
  server.health.up = false
  for (const wire of [...server.wires]) wire.cut()
}

/** Lets what waited pass. */
export function resumeAll(server: Server): void {
  server.health.stalled = false
  for (const wire of server.wires) wire.resume()
}
