import { environment, readOptions } from '@ordermill/config'
import { createCursors, createDatabase, createLeases, createReader, createTable } from '@ordermill/database'
import { newId, orders, type Version } from '@ordermill/model'
import { deletedOrder, firstOrder, nextOrder } from '@ordermill/model/testing'
import {
  createIndexWriter,
  createSearchClient,
  EngineRefused,
  type IndexWriter,
  indexDefinition,
} from '@ordermill/search'
import { corner, until } from '@ordermill/servers/testing'
import { createLogger, createRegistry, workerMetrics } from '@ordermill/telemetry'
import t, { type Test } from 'tap'
import { createFollower } from './follower.ts'

const { env, namespace } = await corner(t, environment())
const { ELASTICSEARCH_URL: urls, POSTGRES_DSN: dsn } = readOptions(env, ['ELASTICSEARCH_URL', 'POSTGRES_DSN'])
const database = createDatabase({ dsn, name: 'test', poolMax: 5, timeout_ms: 10_000, onLost: () => undefined })
t.teardown(() => database.stop())
const engine = createSearchClient({ urls, timeout_ms: 30_000 })
t.teardown(() => engine.close())
const table = createTable(database, orders)
const stored = createReader(database, orders)
const cursors = createCursors(database)
const log = createLogger({ service: 'test', level: 'silent' })
const definition = indexDefinition(orders, namespace)
const { alias, index } = definition
const realWriter = createIndexWriter(engine, definition)

const place = async (...versions: Version[]) => {
  await table.apply(
    versions.map((version) => [version]),
    new AbortController().signal,
  )
}
/** Follows with this writer until the test ends. */
const follow = (
  t: Test,
  writer: IndexWriter,
  parts: Partial<Pick<Parameters<typeof createFollower>[0], 'batch' | 'share'>> = {},
) => {
  const ending = new AbortController()
  const follower = createFollower({
    name: 'search',
    collection: orders,
    stored,
    cursors,
    leases: createLeases(database, newId()),
    writer,
    batch: 50,
    every_ms: 20,
    ...parts,
    log,
    metrics: workerMetrics(createRegistry('test'), []),
  })
  const running = follower.run(ending.signal)
  const end = () => {
    ending.abort()
    follower.wake()
    return running
  }
  t.teardown(end)
  return end
}
const cursorOf = async (uuid: string) => {
  const [row] = await database.query<{ change_seq: number }>({
    text: 'SELECT change_seq FROM search_cursors WHERE index_uuid = $1',
    values: [uuid],
  })
  return row?.change_seq
}
const caughtUp = (uuid: string) =>
  until('the cursor is at the last change', async () => (await cursorOf(uuid)) === (await stored.lastChange()))
const documentOf = async (id: string) => {
  const found = await engine.get<Record<string, unknown>>({ index: alias, id }, { ignore: [404] })
  return found.found ? { ...found._source, change_seq: found._version } : undefined
}
const count = async () => {
  await engine.indices.refresh({ index: alias })
  return (await engine.count({ index: alias })).count
}

t.test('every record is indexed as it stands, under its change number, tombstones included', async (t) => {
  const all = Array.from({ length: 130 }, () => firstOrder())
  await place(...all)
  follow(t, realWriter)
  const { uuid } = await until('the index is there', () => realWriter.ensure())
  await caughtUp(uuid)
  t.equal(await count(), 130)
  const [one, two] = all
  if (one === undefined || two === undefined) throw new Error('two')
  const changed = nextOrder(one, { amount: 7.25 })
  const gone = deletedOrder(two)
  await place(changed, gone)
  await caughtUp(uuid)
  for (const version of [changed, gone]) {
    const { change_seq, ...source } = (await documentOf(version.id)) ?? {}
    t.same(source, JSON.parse(version.text))
    t.ok(Number(change_seq) > 130)
  }
})

t.test('an index that is deleted under its follower is made again and filled from the first change on', async (t) => {
  follow(t, realWriter)
  const before = await realWriter.ensure()
  await caughtUp(before.uuid)
  await engine.indices.delete({ index })
  await place(firstOrder())
  const after = await until('there is a new index', async () => {
    const found = await realWriter.ensure().catch(() => undefined)
    return found !== undefined && found.uuid !== before.uuid && found
  })
  await caughtUp(after.uuid)
  t.equal(await count(), 131)
})

t.test('after a restart it goes on where it was, and writing again what the index has changes nothing', async (t) => {
  const { uuid } = await realWriter.ensure()
  const end = follow(t, realWriter)
  await caughtUp(uuid)
  await end()
  const at = (await cursorOf(uuid)) ?? 0
  await cursors.move(uuid, at, at - 50) // as if it had died between the write and the cursor
  const order = firstOrder()
  await place(order)
  follow(t, realWriter)
  await caughtUp(uuid)
  t.match(await documentOf(order.id), { id: order.id })
  t.equal(await count(), 132)
})

/** A writer that keeps what it is given, and answers as the test says. */
const writerThat = (uuid: string, answer: IndexWriter['write']) => {
  const written: string[][] = []
  const writer: IndexWriter = {
    ensure: async () => ({ uuid, name: 'test-1' }),
    write: async (documents) => {
      written.push(documents.map(({ id }) => id))
      return answer(documents)
    },
  }
  return { writer, written }
}
/** A cursor that stands where the table ends, so that only what comes now is followed. */
const openAtEnd = async (uuid: string) => {
  await cursors.open({ uuid, name: 'test-1' })
  const last = await stored.lastChange()
  await cursors.move(uuid, 0, last)
  return last
}
const done = { outcome: 'done' } as const

t.test('a document to be tried again holds the cursor before it, and is tried until it is done', async (t) => {
  const from = await openAtEnd('retrying')
  const orders3 = [firstOrder(), firstOrder(), firstOrder()]
  await place(...orders3)
  const changes = await stored.changesAfter(from, 10)
  const held = changes[1]?.id
  let tries = 0
  const { promise: seenTwice, resolve } = Promise.withResolvers<void>()
  let open = false
  const { writer, written } = writerThat('retrying', async (documents) =>
    documents.map(({ id }) => {
      if (id !== held || open) return done
      tries += 1
      if (tries === 2) resolve()
      return { outcome: 'retry' }
    }),
  )
  follow(t, writer)
  await seenTwice
  t.equal(await cursorOf('retrying'), changes[0]?.change_seq)
  open = true
  await caughtUp('retrying')
  t.same(
    written[0],
    changes.map(({ id }) => id),
  )
  t.same(
    written[1],
    changes.slice(1).map(({ id }) => id),
    'what was done before it is not written again',
  )
})

t.test('a document that the engine will never take is recorded with its reason, and passed', async (t) => {
  await openAtEnd('rejecting')
  const [good, bad] = [firstOrder(), firstOrder()]
  await place(good, bad)
  const { writer } = writerThat('rejecting', async (documents) =>
    documents.map(({ id }) => (id === bad.id ? { outcome: 'rejected', reason: 'mapper_parsing_exception: no' } : done)),
  )
  follow(t, writer)
  await caughtUp('rejecting')
  const rejects = await database.query({ text: `SELECT id, reason FROM search_rejects WHERE index_uuid = 'rejecting'` })
  t.same(rejects, [{ id: bad.id, reason: 'mapper_parsing_exception: no' }])
})

t.test(
  'an engine that refuses the index stops the cursor; nothing is passed, and it goes on once it may',
  async (t) => {
    const from = await openAtEnd('refusing')
    await place(firstOrder(), firstOrder())
    let refusing = true
    const { promise: refusedTwice, resolve } = Promise.withResolvers<void>()
    const { writer, written } = writerThat('refusing', async (documents) => {
      if (written.length === 2) resolve()
      if (refusing) throw new EngineRefused('cluster_block_exception')
      return documents.map(() => done)
    })
    follow(t, writer)
    await refusedTwice
    t.equal(await cursorOf('refusing'), from)
    refusing = false
    await caughtUp('refusing')
  },
)

t.test('when somebody else moves the cursor it starts over from there, and never moves it back', async (t) => {
  const from = await openAtEnd('raced')
  await place(firstOrder(), firstOrder(), firstOrder())
  const last = await stored.lastChange()
  let calls = 0
  const { writer, written } = writerThat('raced', async (documents) => {
    calls += 1
    if (calls === 1) await cursors.move('raced', from, last - 1)
    return documents.map(() => done)
  })
  follow(t, writer)
  await caughtUp('raced')
  t.same(
    written.map(({ length }) => length),
    [3, 1],
    'the second time only what follows',
  )
})

t.test('of two followers one follows, and the other takes over when it ends', async (t) => {
  await openAtEnd('shared')
  const first = writerThat('shared', async (documents) => documents.map(() => done))
  const end = follow(t, first.writer)
  await place(firstOrder())
  await caughtUp('shared')
  const second = writerThat('shared', async (documents) => documents.map(() => done))
  follow(t, second.writer)
  await place(firstOrder())
  await caughtUp('shared')
  t.equal(second.written.length, 0)
  await end()
  await place(firstOrder())
  await caughtUp('shared')
  t.equal(second.written.length, 1)
})

t.test(
  'who may work a share of the time keeps to it while others are at work, and works on when they are not',
  async (t) => {
    await openAtEnd('patient')
    let othersWork = true
    const { promise: second, resolve } = Promise.withResolvers<void>()
    const { writer, written } = writerThat('patient', async (documents) => {
      if (written.length === 2) resolve()
      await new Promise((soon) => setImmediate(soon))
      return documents.map(() => done)
    })
    await place(firstOrder(), firstOrder(), firstOrder())
    const asked = Promise.withResolvers<void>()
    let looked = 0
    const share = {
      of_time: 1e-9,
      othersWork: () => {
        looked += 1
        if (looked === 5) asked.resolve()
        return othersWork
      },
    }
    follow(t, writer, { batch: 1, share })
    await asked.promise
    t.equal(written.length, 1, 'it has looked again and again, and waits')
    othersWork = false
    await second
    await caughtUp('patient')
    t.equal(written.length, 3)
  },
)
