import type { Random } from './random.ts'
import type { Redis } from './redis.ts'
import type { Owner, Scheduler } from './scheduler.ts'
import type { Server } from './server.ts'

/** What drivers that connect by an address find behind it. */
export interface Surroundings {
  scheduler: Scheduler
  random: Random
  /** Who has these addresses. */
  owner: Owner
  redis: { server: Server; store: Redis }
  broker: import('./broker.ts').Broker
}

/** The process with this name in its address: drivers take addresses, not objects. */
const known = new Map<string, Surroundings>()

export const surroundingsOf = (address: string): Surroundings => {
  const name = new URL(address).hostname
  const found = known.get(name)
  if (found === undefined) throw new Error(`no process was announced as ${name}`)
  return found
}

/** Makes addresses with this host lead to a process's own connections; gives what ends that. */
export function announce(name: string, surroundings: Surroundings): () => void {
  known.set(name, surroundings)
  return () => known.delete(name)
}
