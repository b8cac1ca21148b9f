import {
  createCursors,
  createLeases,
  createRejects,
  createSearchIndices,
  createTextIndex,
  openChangesCursor,
  readPast,
} from '@ordermill/database'
import { newId } from '@ordermill/model'
import { createIndexWriter, createIndices } from '@ordermill/search'
import { createTeller } from './changes.ts'
import { createFollower, type Follower, type FollowerName } from './follower.ts'
import type { Resources } from './resources.ts'
import { shareChanges } from './shared-changes.ts'
import { createSideIndices } from './side-indices.ts'
import { createYielding } from './yielding.ts'

/** All who follow the table. */
export interface Followers {
  /** There is something to read. */
  wake(): void
  /** How each of them is, by name. */
  states(): Record<string, string>
  /** They follow until `signal` aborts. */
  run(signal: AbortSignal): Promise<void>
}

/** The followers of a collection: for what Postgres searches, for the search engine where there is one, and for others where they are told. */
export function createFollowers({
  collection,
  options,
  part,
  metrics,
  database,
  stored,
  engine,
  definition,
  changes,
  writes,
}: Resources): Followers {
  // Postgres has to persist first: who keeps what it searches and who tells others go together, behind that.
  const yielding = createYielding(writes)
  const batch = Math.min(options.FOLLOW_BATCH, changes?.batch ?? options.FOLLOW_BATCH)
  const changesOf = shareChanges(stored)
  const shared = () => ({
    collection,
    stored: changesOf,
    cursors: createCursors(database),
    rejects: createRejects(database, collection),
    leases: createLeases(database, newId()), // each for itself: two of one process may meet at an index
    batch: options.FOLLOW_BATCH,
    every_ms: options.FOLLOW_EVERY_MS,
    metrics,
  })
  const texts = createFollower({
    ...shared(),
    name: 'texts',
    ...(engine === undefined ? { refresh_ms: options.INDEX_REFRESH_MS } : {}),
    batch,
    yielding,
    writer: createTextIndex(database, collection),
    log: part('texts'),
  })
  const followers = new Map<FollowerName, Follower>([['texts', texts]])
  if (engine === undefined) part('follower').warn('no search engine is configured: searches are answered by Postgres')
  else
    followers.set(
      'search',
      createFollower({
        ...shared(),
        name: 'search',
        refresh_ms: options.INDEX_REFRESH_MS,
        writer: createIndexWriter(engine, definition),
        log: part('follower'),
      }),
    )
  if (changes !== undefined)
    followers.set(
      'changes',
      createFollower({
        ...shared(),
        name: 'changes',
        batch,
        yielding,
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
  const beside =
    engine &&
    createSideIndices({
      registry: createSearchIndices(database, definition.alias),
      indices: createIndices(engine, definition),
      digest: definition.digest,
      makeFollower: ({ role, name, uuid }) =>
        createFollower({
          ...shared(),
          name: role === 'kept' ? 'kept' : 'building',
          yielding: createYielding(writes),
          writer: createIndexWriter(engine, definition, { name, key: uuid }),
          log: part(role),
        }),
      log: part('followers'),
    })
  return {
    wake() {
      for (const follower of followers.values()) follower.wake()
      beside?.wake()
    },
    states: () => ({
      ...Object.fromEntries([...followers].map(([name, follower]) => [name, follower.state()])),
      ...beside?.states(),
    }),
    async run(signal) {
      await Promise.all([...[...followers.values()].map((follower) => follower.run(signal)), beside?.run(signal)])
    },
  }
}
