import type { Version } from '@ordermill/model'
import type { Filled, Moment, RecordCache } from './record-cache.ts'

/**
 * Asks Postgres for what the cache does not have, and offers it what that says. An answer from before Postgres had caught up is no
 * answer: it is asked once more. `moment` is what was known when it was asked last.
 * @throws whatever `load` throws | Unavailable
 */
export async function readThrough(
  cache: Pick<RecordCache, 'fill' | 'moment'>,
  id: string,
  load: () => Promise<Version | undefined>,
): Promise<Filled & { moment: Moment }> {
  const ask = async () => {
    const moment = await cache.moment(id)
    return { ...(await cache.fill(id, await load(), moment)), moment }
  }
  const first = await ask()
  return first.again === true ? await ask() : first
}
