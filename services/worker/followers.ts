import { createCursors, createTextIndex, openChangesCursor, readPast } from '@ordermill/database'
import { createIndexWriter } from '@ordermill/search'
import { createTeller } from './changes.ts'
import { createFollower } from './follower.ts'
import type { Resources } from './resources.ts'

/** All who follow the table. */
export interface Followers {
  /** There is something to read. */
  wake(): void
  /** They follow until `signal` aborts. */
  run(signal: AbortSignal): Promise<void>
}

/** Postgres has to persist first: while it does, who keeps what it searches, and who tells others, may work this part of the time. */
const shareOfTime = 0.2

/** The followers of a collection: for what Postgres searches, for the search engine where there is one, and for others where they are told. */
export function createFollowers({
  collection,
  options,
  part,
  metrics,
  database,
  stored,
  leases,
  engine,
  definition,
  changes,
  isWritten,
}: Resources): Followers {
  const share = { of_time: shareOfTime, othersWork: isWritten }
  const shared = {
    collection,
    stored,
    cursors: createCursors(database),
    leases,
    batch: options.FOLLOW_BATCH,
    every_ms: options.FOLLOW_EVERY_MS,
    metrics,
  }
  const texts = createFollower({
    ...shared,
    name: 'texts',
    share,
    writer: createTextIndex(database, collection),
    log: part('texts'),
  })
  const followers = [texts]
  if (engine === undefined) part('follower').warn('no search engine is configured: searches are answered by Postgres')
  else
    followers.push(
      createFollower({
        ...shared,
        name: 'search',
        writer: createIndexWriter(engine, definition),
        log: part('follower'),
      }),
    )
  if (changes !== undefined)
    followers.push(
      createFollower({
        ...shared,
        name: 'changes',
        share,
        batch: changes.batch,
        writer: createTeller({
          ...changes,
          collection,
          past: (versions, depth) => readPast(database, collection, versions, depth),
          openCursor: () => openChangesCursor(database, collection),
          onTold: (count) => metrics.told.inc({ collection: collection.name }, count),
        }),
        log: part('changes'),
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
