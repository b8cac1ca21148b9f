/** How much load there is. */
export interface LoadSettings {
  /** How many clients there are, each with one request in flight. */
  clients: number
  /** Operations a second of all of them together, as long as answers come fast enough. */
  rate: number
  /** Whether requests, repeats among them, begin at that rate whatever becomes of those before, as long as a client is free. */
  open: boolean
  /** How many of all operations are searches: 0 to 0.3. */
  searches: number
  /** Most orders in a bulk. */
  bulk: number
  /** Milliseconds that a client waits for an answer. */
  patience_ms: number
  /** Seconds of load before anything is broken, and after it is healed. */
  before_s: number
  after_s: number
}

const full: LoadSettings = {
  clients: 24,
  rate: 150,
  open: false,
  searches: 0.03,
  bulk: 13,
  patience_ms: 6_000,
  before_s: 2,
  after_s: 3,
}
const quick: LoadSettings = { ...full, clients: 8, rate: 80, before_s: 1, after_s: 2 }
/** Far more than a small machine can do, whatever is answered. */
export const overload: Partial<LoadSettings> = { open: true, rate: 5_000, searches: 0.002 }
/** So many operations a second one client is good for, as long as nothing is broken. */
const perClient = 25

/** What the command line says of the load. */
export interface AskedLoad {
  quick: boolean
  /** Operations a second, whatever a scenario would have. */
  rate: number | undefined
}

/** The load of a scenario: with more operations a second come more clients. An open load may have the requests of a second in flight. */
export function settingsOf({ quick: isQuick, rate: asked }: AskedLoad, own: Partial<LoadSettings> = {}): LoadSettings {
  const settings = { ...(isQuick ? quick : full), ...own }
  const rate = asked ?? settings.rate
  return { ...settings, rate, clients: Math.max(settings.clients, Math.ceil(settings.open ? rate : rate / perClient)) }
}
