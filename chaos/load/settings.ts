/** How much load there is. */
export interface LoadSettings {
  /** How many clients there are, each with one request in flight. */
  clients: number
  /** Operations a second of all of them together, as long as answers come fast enough. */
  rate: number
  /** Milliseconds that a client waits for an answer. */
  patience_ms: number
  /** Seconds of load before anything is broken, and after it is healed. */
  before_s: number
  after_s: number
}

export const full: LoadSettings = { clients: 24, rate: 150, patience_ms: 6_000, before_s: 2, after_s: 3 }
export const quick: LoadSettings = { ...full, clients: 8, rate: 80, before_s: 1, after_s: 2 }
