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

const full: LoadSettings = { clients: 24, rate: 150, patience_ms: 6_000, before_s: 2, after_s: 3 }
const quick: LoadSettings = { ...full, clients: 8, rate: 80, before_s: 1, after_s: 2 }
/** So many operations a second one client is good for, as long as nothing is broken. */
const perClient = 25

/** The load that is asked for: with more operations a second come more clients. */
export function settingsOf(asked: { quick: boolean; rate: number | undefined }): LoadSettings {
  const settings = asked.quick ? quick : full
  const { rate = settings.rate } = asked
  return { ...settings, rate, clients: Math.max(settings.clients, Math.ceil(rate / perClient)) }
}
