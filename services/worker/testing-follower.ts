import { createCursors, createLeases, createReader, createRejects, createTable } from '@ordermill/database'
import { newId, orders, type Version } from '@ordermill/model'
import { createIndexWriter, type IndexWriter } from '@ordermill/search'
import { until } from '@ordermill/servers/testing'
import { createLogger, createRegistry, workerMetrics } from '@ordermill/telemetry'
import { openEngines } from '../testing-engines.ts'
import { createFollower, type FollowerParts } from './follower.ts'

interface Teardown {
  teardown(handler: () => Promise<void> | void): void
}
type Chosen = Partial<
  Pick<FollowerParts, 'batch' | 'yielding' | 'lease_ms' | 'refresh_ms' | 'name' | 'leases' | 'every_ms'>
>

export const done = { outcome: 'done' } as const

/** A database and an engine with a table, and followers of it. */
export async function followerCorner(t: Teardown) {
  const { env, database, engine, definition } = await openEngines(t)
  const table = createTable(database, orders)
  const stored = createReader(database, orders)
  const cursors = createCursors(database)
  const log = createLogger({ service: 'test', level: 'silent' })

  const cursorOf = async (uuid: string) => {
    const text = 'SELECT change_seq FROM search_cursors WHERE index_uuid = $1'
    const [row] = await database.query<{ change_seq: number }>({ text, values: [uuid] })
    return row?.change_seq
  }
  return {
    env,
    database,
    engine,
    definition,
    stored,
    cursors,
    cursorOf,
    realWriter: createIndexWriter(engine, definition),
    async place(...versions: Version[]) {
      await table.apply(
        versions.map((version) => [version]),
        new AbortController().signal,
      )
    },
    /** Follows with this writer until the test ends, or until `end` is called. */
    follow(t: Teardown, writer: IndexWriter, chosen: Chosen = {}) {
      const ending = new AbortController()
      const metrics = workerMetrics(createRegistry('test'), [])
      const follower = createFollower({
        name: 'search',
        collection: orders,
        stored,
        cursors,
        rejects: createRejects(database, orders),
        leases: createLeases(database, newId()),
        writer,
        batch: 50,
        every_ms: 20,
        log,
        metrics,
        ...chosen,
      })
      const running = follower.run(ending.signal)
      const end = () => {
        ending.abort()
        follower.wake()
        return running
      }
      t.teardown(end)
      const isStopped = async () => (await metrics.followerStopped.get()).values.some(({ value }) => value === 1)
      const breaker = async () =>
        (await metrics.followerBreaker.get()).values.find(({ value }) => value === 1)?.labels.state
      return { end, state: follower.state, wake: follower.wake, isStopped, breaker }
    },
    moveByHand: (uuid: string, to: number) =>
      database.query({ text: 'UPDATE search_cursors SET change_seq = $2 WHERE index_uuid = $1', values: [uuid, to] }),
    caughtUp: (uuid: string) =>
      until('the cursor is at the last change', async () => (await cursorOf(uuid)) === (await stored.lastChange())),
    /** A writer that keeps what it is given, and answers as the test says. */
    writerThat(uuid: string, answer: IndexWriter['write']) {
      const written: string[][] = []
      const writer: IndexWriter = {
        ensure: async () => ({ uuid, name: 'test-1' }),
        write: async (documents) => {
          written.push(documents.map(({ id }) => id))
          return await answer(documents)
        },
      }
      return { writer, written }
    },
    /** A cursor that stands where the table ends, so that only what comes now is followed. */
    async openAtEnd(uuid: string) {
      await cursors.open({ uuid, name: 'test-1' }, 0)
      const last = await stored.lastChange()
      await cursors.move(uuid, 0, last, 0)
      return last
    },
  }
}
