import type { Fault } from './faults.ts'

/** The caller asked for something that cannot be: trying the same again will not help. Maps to a 4xx. */
export class Refused extends Error {
  readonly code: string
  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = new.target.name
    this.code = code
  }
}

/** The input breaks the rules of its collection. Carries every fault, not the first. */
export class Invalid extends Refused {
  readonly faults: Fault[]
  constructor(faults: Fault[]) {
    super('invalid', faults.length === 1 ? 'One rule is broken.' : `${faults.length} rules are broken.`)
    this.faults = faults
  }
}

/** There is no such record, or it is a tombstone. */
export class NotFound extends Refused {
  constructor(what: string) {
    super('not-found', `${what} does not exist.`)
  }
}

/** The version the change was built on is not the one that stands: read again, then decide. */
export class ConflictingVersion extends Refused {}

/** A step that the record's status does not allow. */
export class Forbidden extends Refused {}

/**
 * A part is away, full or too slow: the same call may succeed later.
 * `code` is stable ('outcome-open' alone means that the record may still turn up); `retryAfterSeconds` is a hint.
 */
export class Unavailable extends Error {
  readonly code: string
  readonly retryAfterSeconds: number
  constructor(code: string, message: string, options: ErrorOptions & { retryAfterSeconds?: number } = {}) {
    super(message, options)
    this.name = 'Unavailable'
    this.code = code
    this.retryAfterSeconds = options.retryAfterSeconds ?? 1
  }
}

/**
 * Unavailable too; but it may be the data itself that makes the part fail each time: who has to know tries something else beside it
 * that works.
 */
export class Doubtful extends Unavailable {}

/** A message or row that no retry can save: it is parked with `code` and the message as its reason. */
export class BadData extends Error {
  readonly code: string
  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'BadData'
    this.code = code
  }
}

/** Whatever was thrown, as an Error. */
export function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown))
}
