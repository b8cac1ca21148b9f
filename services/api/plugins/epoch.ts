import type { RecordCache } from '@ordermill/cache'
import { toError } from '@ordermill/model'
import type { Surroundings } from '../parts.ts'

/** How often the epoch is looked at: what was forgotten is noticed this soon, also while nobody asks for anything. */
const every_ms = 500

/** Looks at the epoch of the cache until the app closes, and says when another one began. */
export function watchEpoch({ app, log: root }: Surroundings, cache: Pick<RecordCache, 'checkEpoch'>): void {
  const log = root.child({ component: 'cache' })
  let known: string | undefined
  const look = async (): Promise<void> => {
    try {
      const epoch = await cache.checkEpoch()
      if (known !== undefined && epoch !== known)
        log.warn({ epoch }, 'the cache began anew: updates wait until all that was accepted before is persisted')
      known = epoch
    } catch (thrown) {
      log.debug({ err: toError(thrown) }, 'the epoch of the cache is not known')
    }
  }
  look()
  const timer = setInterval(look, every_ms)
  app.addHook('onClose', () => clearInterval(timer))
}
