/** How long and how often things are measured. Many short rounds: what else happens on a machine then strikes all rows alike. */
export type Settings = {
  /** How often each row is measured, in turn with the others. */
  rounds: number
  /** Of each measurement under load, and of the warm-up before the first. */
  seconds: number
  warmup_seconds: number
  /** Requests, at least, after which a process counts as warm: what it runs often is compiled. */
  warmups: number
  /** Queued orders to drain; to drain one by one; by other job queues; and how often. */
  drained: number
  drained_singly: number
  drained_by_others: number
  drain_rounds: number
  /** Tries for the highest rate, the time of each, and of the run at the one that was found. */
  probes: number
  probe_seconds: number
  hold_seconds: number
  /** Of the measurement of latencies at half that rate. */
  latency_seconds: number
  /** Orders in Postgres that are read for the first time in one measurement. */
  missed: number
  /** Orders that are searched, and how often each search is asked of Postgres in one round. */
  searched: number
  asked: number
  /** Rows that a follower has to catch up with. */
  followed: number
  /** Orders that are there already, of three sizes; and how many come in then. */
  small: number
  medium: number
  large: number
  added: number
}

export const full: Settings = {
  rounds: 11,
  seconds: 2,
  warmup_seconds: 3,
  warmups: 5_000,
  drained: 100_000,
  drained_singly: 2_000,
  drained_by_others: 20_000,
  drain_rounds: 5,
  probes: 8,
  probe_seconds: 8,
  hold_seconds: 30,
  latency_seconds: 30,
  missed: 40_000,
  searched: 1_000_000,
  asked: 20,
  followed: 200_000,
  small: 10_000,
  medium: 100_000,
  large: 1_000_000,
  added: 20_000,
}

/** Under three minutes in all. */
export const quick: Settings = {
  rounds: 3,
  seconds: 0.6,
  warmup_seconds: 1,
  warmups: 1_500,
  drained: 12_000,
  drained_singly: 200,
  drained_by_others: 2_500,
  drain_rounds: 2,
  probes: 4,
  probe_seconds: 3,
  hold_seconds: 5,
  latency_seconds: 5,
  missed: 4_000,
  searched: 10_000,
  asked: 3,
  followed: 24_000,
  small: 1_000,
  medium: 3_000,
  large: 10_000,
  added: 3_000,
}
