import { createCursors, createTextIndex } from '@ordermill/database'
import { createIndexWriter, indexDefinition } from '@ordermill/search'
import { createFollower } from './follower.ts'
import type { Resources } from './resources.ts'

/** All who follow the table. */
export interface Followers {
  /** There is something to read. */
  wake(): void
  /** They follow until `signal` aborts. */
  run(signal: AbortSignal): Promise<void>
}

/** Postgres has to persist first: of what keeps its texts it takes this part of the time, and tells how far they are behind. */
const textsShare = 0.2

/** The followers of a collection: of the search engine, where there is one, and of the folded texts in Postgres. */
export function createFollowers({
  collection,
  options,
  part,
  metrics,
  database,
  stored,
  leases,
  engine,
}: Resources): Followers {
  const shared = {
    collection,
    stored,
    cursors: createCursors(database),
    leases,
    batch: options.FOLLOW_BATCH,
    every_ms: options.FOLLOW_EVERY_MS,
  }
  const texts = createFollower({
    ...shared,
    lease: `texts:${collection.name}`,
    share: textsShare,
    writer: createTextIndex(database, collection),
    log: part('texts'),
    metrics: undefined,
  })
  const followers = [texts]
  if (engine === undefined) part('follower').warn('no search engine is configured: searches are answered by Postgres')
  else
    followers.push(
      createFollower({
        ...shared,
        writer: createIndexWriter(engine, indexDefinition(collection, options.NAMESPACE)),
        log: part('follower'),
        metrics,
      }),
    )
  return {
    wake() {
      for (const follower of followers) follower.wake()
    },
    async run(signal) {
      await Promise.all(followers.map((follower) => follower.run(signal)))
    },
  }
}
