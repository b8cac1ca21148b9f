import type { Load } from '../load/load.ts'
import type { LoadSettings } from '../load/settings.ts'
import type { Random } from '../simulation/random.ts'
import type { Service, Stack } from '../stack.ts'

/** What a fault may use. */
export interface Scene {
  stack: Stack
  load: Load
  random: Random
  /** How long it stays broken, in seconds. */
  outage_s: number
  /** The last row of the ledger before it began. */
  lastParked: number
  say(line: string): void
  /** Waits within the load. @throws if the run is stopped */
  wait(seconds: number): Promise<void>
  /** Does this when all is over, whatever happens until then; the last one first. */
  finally(undo: () => Promise<unknown>): void
}

/** What the stack is made of: one server of each kind; or Redis and RabbitMQ as clusters, which is started only when it is asked for. */
export type StageName = 'single' | 'cluster'

/** One thing that is broken under load, as data. */
export interface Scenario {
  name: string
  says: string
  /** Where it is played; `single` unless it says otherwise. */
  stage?: StageName
  /** So many orders stand before the load begins. */
  records?: number
  /** Seconds after the first two of the load at which it breaks: chosen by the seed. */
  within_s: number
  /** How long it stays broken unless --for says otherwise, in seconds; absent: `break` takes as long as it takes. */
  outage_s?: number
  break?(scene: Scene): Promise<void>
  /** Mends it. The stack then starts what does not run, and waits until all of it is ready. */
  heal?(scene: Scene): Promise<void>
  /** What an operator does about it then, the load having ended and all being quiet. @throws Error if it does not work */
  after?(scene: Scene): Promise<void>
  load?: Partial<LoadSettings>
  /** Options that the services have meanwhile, instead of the default ones. */
  options?: Partial<Record<Service['kind'], Record<string, string>>>
  /** Codes of problems that have to be among the answers: without them nothing was broken as it says. */
  answered?: readonly string[]
  /** What is broken is nobody's data: no record may be parked for it. */
  nothingParks?: true
  /** No request may fail or be refused. */
  nothingFails?: true
  /** Whoever asks is answered, if only with a refusal, before its patience ends. */
  allAnswered?: true
  /** It runs only where it is named: it takes long. */
  onlyNamed?: true
  /** Why it cannot run on this machine; undefined: it can. */
  missing?(): string | undefined
}
