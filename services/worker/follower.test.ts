import { deletedOrder, firstOrder, nextOrder } from '@ordermill/model/testing'
import { EngineRefused } from '@ordermill/search'
import { until } from '@ordermill/servers/testing'
import t from 'tap'
import { done, followerCorner } from './testing-follower.ts'
import { createYielding, type Writes } from './yielding.ts'

const {
  database,
  engine,
  definition,
  stored,
  realWriter,
  place,
  follow,
  cursorOf,
  moveByHand,
  caughtUp,
  writerThat,
  openAtEnd,
} = await followerCorner(t)
const { alias, index } = definition
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
  const { end } = follow(t, realWriter)
  await caughtUp(uuid)
  await end()
  const at = (await cursorOf(uuid)) ?? 0
  await moveByHand(uuid, at - 50) // as if it had died between the write and the cursor
  const order = firstOrder()
  await place(order)
  follow(t, realWriter)
  await caughtUp(uuid)
  t.match(await documentOf(order.id), { id: order.id })
  t.equal(await count(), 132)
})

t.test(
  'a document to be tried again holds the cursor before it, and is tried by itself until it is done',
  async (t) => {
    const from = await openAtEnd('retrying')
    await place(firstOrder(), firstOrder(), firstOrder())
    const [before, held, after] = (await stored.changesAfter(from, 10)).map(({ id }) => id)
    let open = false
    const { writer, written } = writerThat('retrying', async (documents) =>
      documents.map(({ id }) => (id === held && !open ? { outcome: 'retry' } : done)),
    )
    follow(t, writer)
    await until('the page is read anew', () => written.filter((ids) => ids.length === 2).length === 1)
    t.same(written.slice(0, 3), [[before, held, after], [held], [held]], 'what is done is not written again')
    t.same(written.at(-1), [held, after], 'but for what comes after it, once patience is at an end')
    t.equal(await cursorOf('retrying'), from + 1)
    open = true
    await caughtUp('retrying')
  },
)

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
  await openAtEnd('raced')
  await place(firstOrder(), firstOrder(), firstOrder())
  const last = await stored.lastChange()
  let calls = 0
  const { writer, written } = writerThat('raced', async (documents) => {
    calls += 1
    if (calls === 1) await moveByHand('raced', last - 1)
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
  const { end } = follow(t, first.writer)
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
    let writes: Writes = 'full'
    const { promise: second, resolve } = Promise.withResolvers<void>()
    const { writer, written } = writerThat('patient', async (documents) => {
      if (written.length === 2) resolve()
      await new Promise((soon) => setTimeout(soon, 100)) // a turn is nineteen times as long in coming
      return documents.map(() => done)
    })
    await place(firstOrder(), firstOrder(), firstOrder())
    const asked = Promise.withResolvers<void>()
    let looked = 0
    const yielding = createYielding(() => {
      looked += 1
      if (looked === 5) asked.resolve()
      return writes
    })
    follow(t, writer, { batch: 1, yielding })
    await asked.promise
    t.equal(written.length, 1, 'it has looked again and again, and waits')
    writes = 'none'
    await second
    await caughtUp('patient')
    t.equal(written.length, 3)
  },
)
