import { toError, Unavailable } from '@ordermill/model'

/** Turns what the client throws into what a caller can act on. @throws Unavailable `cache-away` or `cache-full` */
export async function away<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer
  } catch (thrown) {
    const cause = toError(thrown)
    if (/(^|-)OOM /.test(cause.message))
      throw new Unavailable('cache-full', 'The cache is full.', { cause, retryAfterSeconds: 5 })
    throw new Unavailable('cache-away', 'The cache does not answer.', { cause })
  }
}

/**
 * As `away`, for a step that may have been done though no answer came: only a refusal of Redis says that it was not.
 * @throws Unavailable, also `outcome-open`
 */
export async function open<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer
  } catch (thrown) {
    const cause = toError(thrown)
    if (cause.name === 'ReplyError' && (!midway.test(cause.message) || refusal.test(cause.message)))
      return await away(Promise.reject(cause))
    if (/isn't (writeable|ready)|offline queue/i.test(cause.message)) return await away(Promise.reject(cause))
    throw new Unavailable('outcome-open', 'The cache did not answer in time; the record may still turn up.', { cause })
  }
}

/** An error that ended a script midway: what it had done by then, for this caller or another, stays done. */
const midway = /^(ERR|WRONGTYPE) /
/** Before 7.0 Redis calls all of them ERR, also those that keep a script from its first write. */
const refusal = /-(OOM|READONLY|MISCONF|NOREPLICAS) /
