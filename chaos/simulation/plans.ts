import {
  type Fault,
  type FaultParts,
  ofBroker,
  ofEngine,
  ofForgetfulRedis,
  ofPostgres,
  ofProcesses,
  ofRedis,
} from './faults.ts'
import type { Random } from './random.ts'
import {
  ofAcks,
  ofBacklogs,
  ofBundles,
  ofDeadEnds,
  ofDetours,
  ofFallingBehind,
  ofForgetting,
  ofHeldWork,
  ofLateCreates,
  ofLateFills,
  ofLaterFills,
  ofLateWrites,
  ofMemory,
  ofOvertaking,
  ofParking,
  ofRedeliveries,
  ofSlowness,
  ofTwins,
  ofUnseen,
} from './targets.ts'

type Kinds = [Record<string, Fault>, ...Record<string, Fault>[]]

/** How clients behave: how likely each of these is. */
interface Habits {
  /** Most records that they share, and how likely a new one is made while there are fewer. */
  recordsMax: number
  creates: number
  /** So many more records are made in the same turn of a process as each one is: they travel together. */
  company: number
  /** Fewest requests of a client: it makes up to twelve. */
  operationsMin: number
  reads: number
  /** A write has a key; it is sent twice at once; one that was answered is sent again later. */
  keyed: number
  twice: number
  again: number
  /** Longest pause between two requests, in milliseconds. */
  pause_ms: number
}

/** What kind of world it is, and what goes wrong in it. */
export interface Plan {
  /** Redis vouches for what the broker lacks; else only the broker does. */
  vouches: boolean
  /** Redis forgets what it was told; where it vouches, nothing that somebody was promised on its word alone. */
  forgets: boolean
  /** How likely Postgres will not take what a client writes. */
  badChance: number
  habits: Habits
  kinds: Kinds
  /** How many faults there are at most, and how long each lasts at most, in milliseconds. */
  faultsMax: number
  longest_ms(): number
  /**
   * Aimed at one guard: exactly so many faults, each as long as it takes. Nobody comes before the first epoch has caught up, about a
   * second after the start: until then too little can go wrong.
   */
  isTargeted: boolean
}

const lossless: Kinds = [ofProcesses, ofRedis, ofBroker, ofPostgres, ofEngine]
const ofLosses = { ...ofAcks, ...ofFallingBehind, ...ofSlowness }
const lossy: Kinds = [ofProcesses, ofForgetfulRedis, ofLosses, ofRedis, ofBroker, ofPostgres, ofEngine]

type Target = Pick<Plan, 'kinds' | 'faultsMax' | 'longest_ms'> & { habits: Partial<Habits> } & Partial<
    Pick<Plan, 'vouches' | 'forgets' | 'badChance'>
  >
const few = { recordsMax: 2, operationsMin: 8, pause_ms: 300 }
/** Nothing of it needs Postgres, as the first of many keys does. */
const unkeyed = { ...few, operationsMin: 12, keyed: 0, pause_ms: 400 }
export const opensAt_ms = 1_100
const keeps = { vouches: true, forgets: false }
const loses = { vouches: false, forgets: true }
const once = { faultsMax: 1, longest_ms: () => 2_200 }
const twice = { faultsMax: 2, longest_ms: () => 850 }

const targets: [Target, ...Target[]] = [
  { kinds: [ofMemory], ...keeps, ...once, habits: { ...few, keyed: 0.6, twice: 0.2, again: 0.3 } },
  { kinds: [ofLateFills], ...keeps, ...twice, habits: { ...few, reads: 0.5 } },
  { kinds: [ofLaterFills], ...keeps, ...twice, habits: { ...few, reads: 0.5 } },
  {
    kinds: [ofLateCreates],
    ...keeps,
    ...twice,
    habits: { ...few, recordsMax: 40, creates: 0.8, keyed: 1, twice: 0.9 },
  },
  { kinds: [ofUnseen], ...loses, ...once, habits: { ...few, reads: 0.4 } },
  { kinds: [ofDetours], ...keeps, ...once, habits: { ...few, recordsMax: 40, creates: 0.6, keyed: 0.1, reads: 0.7 } },
  { kinds: [ofDeadEnds], ...keeps, ...once, habits: { ...few, recordsMax: 40, creates: 0.6, keyed: 0.1 } },
  { kinds: [ofTwins], vouches: true, forgets: true, ...once, habits: { ...few, recordsMax: 1 } },
  { kinds: [ofOvertaking], ...loses, ...once, habits: { ...few, reads: 0.6 } },
  { kinds: [ofParking], ...once, badChance: 0.3, habits: {} },
  { kinds: [ofBacklogs], ...loses, ...once, badChance: 0.3, habits: unkeyed },
  { kinds: [ofForgetting], ...loses, ...twice, habits: { ...few, reads: 0.6 } },
  { kinds: [ofHeldWork], ...loses, ...once, habits: { ...unkeyed, pause_ms: 150, reads: 0.6 } },
  { kinds: [ofFallingBehind], ...loses, ...once, habits: { ...unkeyed, pause_ms: 700, reads: 0.6 } },
  { kinds: [ofRedeliveries], ...keeps, ...twice, habits: unkeyed },
  { kinds: [ofLateWrites], ...once, habits: few },
  { kinds: [ofBundles], ...loses, ...once, habits: { ...unkeyed, recordsMax: 40, creates: 0.9, company: 9 } },
]
/** Of so many seeds one has a target, each as likely as the other. */
const oneIn = 2.5

/** Decides what kind of world a seed is. */
export function pickPlan(random: Random): Plan {
  const habits = {
    recordsMax: 2 + random.below(5),
    creates: 0.3,
    company: 0,
    operationsMin: 3,
    reads: 0.3,
    keyed: 0.45,
    twice: 0.05,
    again: 0.05,
    pause_ms: 600,
  }
  const badChance = random.chance(0.8) ? 0.02 : 0.3
  const keepsAll = random.chance(0.5)
  const usual = { ...(keepsAll ? keeps : loses), badChance }
  if (random.chance(1 / oneIn)) {
    const { habits: own, ...target } = random.pick(targets)
    return { ...usual, ...target, isTargeted: true, habits: { ...habits, ...own } }
  }
  const general = { ...usual, habits, faultsMax: 7, isTargeted: false }
  if (!keepsAll && random.chance(0.15)) return { ...general, kinds: [ofLosses], longest_ms: () => 4_000 }
  return { ...general, kinds: keepsAll ? lossless : lossy, longest_ms: () => (random.chance(0.5) ? 200 : 2_000) }
}

/** Plans what goes wrong within `during_ms`; everything is made good by then. Gives what tells whether it is. */
export function planFaults(parts: FaultParts, during_ms: number): { healed(): boolean } {
  const { scheduler, random, plan, trace } = parts.world
  let open = 0
  const schedule = (name: string, fault: Fault, starts_ms: number) => {
    open += 1
    const length_ms = plan.longest_ms() * (plan.isTargeted ? 1 : random.float())
    const lasts_ms = Math.min(length_ms, during_ms - starts_ms)
    scheduler.after(starts_ms, undefined, () => {
      trace(() => `fault: ${name}`)
      const heal = fault(parts)
      scheduler.after(lasts_ms, undefined, () => {
        open -= 1
        if (heal === undefined) return
        trace(() => `healed: ${name}`)
        heal()
      })
    })
  }
  const faults = plan.isTargeted ? plan.faultsMax : random.below(plan.faultsMax + 1)
  for (let n = 0; n < faults; n += 1) {
    const kind = Object.entries(random.pick(plan.kinds)) as [[string, Fault], ...[string, Fault][]]
    const starts_ms = plan.isTargeted ? opensAt_ms + 30 + n * 900 + random.float() * 300 : random.float() * during_ms
    schedule(...random.pick(kind), starts_ms)
  }
  return { healed: () => open === 0 }
}
