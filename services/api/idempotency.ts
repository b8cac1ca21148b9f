import { fingerprint, type KeyUse, keyedId, Refused, type Version } from '@ordermill/model'

/** The one caller there is without authentication. Never change it: keys would make new records. */
const anybody = 'anonymous'
const keyLengthMax = 255

/** A keyed request: the key as a UUID of caller and key, and what was asked for under it. */
export type KeyedRequest = Omit<KeyUse, 'version'>

/**
 * The keyed request of an Idempotency-Key, or undefined without one. `what` is method and resource; `body` as it was sent.
 * @throws Refused `key-malformed`
 */
export function keyedRequest(
  scope: string,
  key: string | undefined,
  what: string,
  body: unknown,
): KeyedRequest | undefined {
  if (key === undefined) return undefined
  if (key.length === 0 || key.length > keyLengthMax)
    throw new Refused('key-malformed', `An Idempotency-Key has 1 to ${keyLengthMax} characters.`)
  return { key: keyedId(scope, anybody, key), fingerprint: fingerprint(what, body) }
}

/**
 * Whether this request was accepted before, by what a record remembers.
 * @throws Refused `key-reused` if the key was used for something else
 */
export function wasAccepted(standing: Pick<Version, 'keys'>, request: KeyedRequest): boolean {
  const use = standing.keys.find(({ key }) => key === request.key)
  if (use === undefined) return false
  if (use.fingerprint !== request.fingerprint) throw keyReused()
  return true
}

export const keyReused = () => new Refused('key-reused', 'This Idempotency-Key was used for another request.')
