import { createLeases, createRejectsView, type Leases } from '@ordermill/database'
import { newId, orders, Unavailable } from '@ordermill/model'
import { firstOrder } from '@ordermill/model/testing'
import { until } from '@ordermill/servers/testing'
import t from 'tap'
import { refreshAfter_ms } from './following.ts'
import { done, followerCorner } from './testing-follower.ts'

const { database, engine, definition, stored, realWriter, place, follow, cursorOf, caughtUp, writerThat, openAtEnd } =
  await followerCorner(t)
const { alias } = definition

for (const block of ['write', 'read_only_allow_delete', 'read_only'])
  t.test(
    `an index under the block ${block} stops its follower, which says so, passes nothing, and goes on by itself`,
    async (t) => {
      const { isStopped, state, breaker } = follow(t, realWriter)
      const { uuid, name } = await until('there is an index', () => realWriter.ensure())
      await caughtUp(uuid)
      const at = await cursorOf(uuid)
      await engine.indices.putSettings({ index: name, settings: { [`index.blocks.${block}`]: true } })
      await place(firstOrder())
      await until('it has stopped', isStopped)
      t.match(state(), 'stopped: cluster_block_exception')
      t.match(await breaker(), /open/)
      t.equal(await cursorOf(uuid), at)
      await engine.indices.putSettings({ index: name, settings: { [`index.blocks.${block}`]: null } })
      await caughtUp(uuid)
      await until('it says that it goes on', async () => !(await isStopped()) && state() === 'follows')
      t.equal(await breaker(), 'closed')
    },
  )

t.test(
  'while the engine is away the breaker of its follower lets one try through at a time, ever less often, and no change is lost',
  async (t) => {
    const from = await openAtEnd('broken')
    await place(firstOrder(), firstOrder(), firstOrder())
    const tries: number[] = []
    let isAway = true
    const { writer, written } = writerThat('broken', async (documents) => {
      if (!isAway) return documents.map(() => done)
      // First away as a whole, then for each document: an answer, and nothing taken.
      if (tries.length % 2 === 0) throw new Unavailable('search-away', 'away')
      return documents.map(() => ({ outcome: 'retry' }))
    })
    const states: unknown[] = []
    const ensure = async () => {
      tries.push(performance.now())
      states.push(await breaker())
      return await writer.ensure()
    }
    const { breaker, state, wake } = follow(t, { ...writer, ensure })
    await until('it has failed', () => state() === 'waits: not-taken')
    await until('it has tried five times', () => {
      wake() // what was persisted meanwhile is no reason to ask
      return tries.length === 5
    })
    t.same(states, ['closed', ...Array(4).fill('half-open')])
    const rests = tries.slice(1).map((at, n) => at - (tries[n] ?? 0))
    t.ok(
      rests.every((rest, n) => rest > 50 * 2 ** n - 5),
      `${rests.map(Math.round)}`,
    )
    await until('it rests', async () => (await breaker()) === 'open')
    t.equal(await cursorOf('broken'), from)
    isAway = false
    await caughtUp('broken')
    await until('it works', async () => (await breaker()) === 'closed')
    t.equal(state(), 'follows')
    t.equal(written.at(-1)?.length, 3)
    const rejects = await database.query({ text: `SELECT 1 FROM search_rejects WHERE index_uuid = 'broken'` })
    t.equal(rejects.length, 0)
  },
)

t.test(
  'searches find what the cursor has passed, as soon as little changes, and Postgres knows up to where',
  async (t) => {
    follow(t, realWriter, { refresh_ms: 1_000 })
    const { uuid, name } = await realWriter.ensure()
    await engine.indices.putSettings({ index: name, settings: { refresh_interval: '-1' } })
    const order = firstOrder({ product_name: 'FRESH' })
    await place(order)
    await until('Postgres knows it', async () => {
      const text = 'SELECT refreshed_seq FROM search_cursors WHERE index_uuid = $1'
      const [row] = await database.query<{ refreshed_seq: number }>({ text, values: [uuid] })
      return row?.refreshed_seq === (await stored.lastChange())
    })
    const found = await engine.search({ index: alias, query: { ids: { values: [order.id] } } })
    t.equal(found.hits.hits.length, 1)
  },
)

t.test('an index that is far behind refreshes seldom by itself, and as always once it has caught up', async (t) => {
  const before = await stored.lastChange()
  await place(...Array.from({ length: 60 }, () => firstOrder()))
  const { uuid, name } = await realWriter.ensure()
  await database.query({
    text: 'UPDATE search_cursors SET change_seq = $2 WHERE index_uuid = $1',
    values: [uuid, before],
  })
  const intervals = new Set<unknown>()
  const interval = async () => {
    const found = await engine.indices.getSettings({ index: name, flat_settings: true })
    const settings = found[name]?.settings as Record<string, unknown> | undefined
    return settings?.['index.refresh_interval']
  }
  const writer = {
    ...realWriter,
    write: async (documents: Parameters<typeof realWriter.write>[0]) => {
      intervals.add(await interval())
      return await realWriter.write(documents)
    },
  }
  follow(t, writer, { batch: 1 })
  await caughtUp(uuid)
  t.ok(intervals.has('30s'))
  await until('it is as always', async () => (await interval()) === '1000ms')
})

t.test('full pages are written beside each other, and the cursor passes them in order', async (t) => {
  const from = await openAtEnd('beside')
  const answers: (() => void)[] = []
  const { writer, written } = writerThat('beside', async (documents) => {
    await new Promise<void>((resolve) => answers.push(resolve))
    return documents.map(() => done)
  })
  await place(...Array.from({ length: 5 }, () => firstOrder()))
  follow(t, { ...writer, pagesMax: 2 }, { batch: 2 })
  await until('two pages are on their way', () => written.length === 2)
  answers[1]?.()
  for (let looks = 0; looks < 20; looks += 1)
    t.equal(await cursorOf('beside'), from, 'the one before is not answered for')
  t.equal(written.length, 2, 'nor is a third one begun')
  answers[0]?.()
  await until('the last page is on its way', () => written.length === 3)
  t.equal(await cursorOf('beside'), from + 4)
  answers[2]?.()
  await caughtUp('beside')
})

t.test('what was written behind a page that was not taken whole is written again, in order', async (t) => {
  const from = await openAtEnd('again')
  const some = Array.from({ length: 4 }, () => firstOrder())
  await place(...some)
  const [first, second, third] = (await stored.changesAfter(from, 4)).map(({ id }) => id)
  let isTaken = false
  const { writer, written } = writerThat('again', async (documents) =>
    documents.map(({ id }) => (id === second && !isTaken ? { outcome: 'retry' } : done)),
  )
  follow(t, { ...writer, pagesMax: 2 }, { batch: 2 })
  await until('the cursor is behind the one before it', async () => (await cursorOf('again')) === from + 1)
  isTaken = true
  await caughtUp('again')
  t.same(written.filter((page) => page.includes(first ?? '')).length, 1)
  t.ok(
    written.filter((page) => page.includes(third ?? '')).length > 1,
    'it was on its way when the cursor came to a stop',
  )
})

t.test('a lease is kept however long a write takes', async (t) => {
  await openAtEnd('slow')
  let let_go = () => {}
  const slow = writerThat('slow', async (documents) => {
    await new Promise<void>((resolve) => {
      let_go = resolve
    })
    return documents.map(() => done)
  })
  follow(t, slow.writer, { lease_ms: 300, name: 'kept' })
  await place(firstOrder())
  await until('it writes', () => slow.written.length === 1)
  const other = writerThat('slow', async (documents) => documents.map(() => done))
  const { state } = follow(t, other.writer, { lease_ms: 300, name: 'kept' })
  await until('the other one stands by', () => state() === 'stands by')
  const until_ms = performance.now() + 1_000
  await until('three leases long', () => performance.now() > until_ms)
  t.equal(state(), 'stands by')
  let_go()
  await caughtUp('slow')
  t.equal(other.written.length, 0)
})

/** Leases of a process that is frozen once `freeze` is called: they end, and it does not know. */
const freezable = (): { leases: Leases; freeze(): void } => {
  const real = createLeases(database, newId())
  let token: number | undefined
  let frozen = false
  const hold = async (name: string, ttl_ms: number) => {
    if (!frozen) token = await real.hold(name, ttl_ms)
    return token
  }
  return {
    leases: { hold, release: async (name) => (frozen ? undefined : real.release(name)) },
    freeze: () => {
      frozen = true
    },
  }
}

t.test('what comes back late, after another one took over, neither moves the cursor nor follows on', async (t) => {
  const from = await openAtEnd('late')
  const { leases, freeze } = freezable()
  const { promise: thawed, resolve: thaw } = Promise.withResolvers<void>()
  const late = writerThat('late', async (documents) => {
    freeze()
    await thawed
    return documents.map(() => done)
  })
  await place(firstOrder(), firstOrder())
  const { state } = follow(t, late.writer, { leases, lease_ms: 300, name: 'building' })
  await until('it is frozen in its write', () => late.written.length === 1)
  t.teardown(thaw)
  const [first] = late.written[0] ?? []
  const next = writerThat('late', async (documents) =>
    documents.map(({ id }) => (id === first ? done : { outcome: 'retry' })),
  )
  follow(t, next.writer, { lease_ms: 300, name: 'building' })
  await until('the other one takes over', async () => (await cursorOf('late')) === from + 1)
  thaw()
  await until('it is back, and finds that it is too late', () => state() === 'stands by')
  t.equal(await cursorOf('late'), from + 1)
  t.equal(late.written.length, 1, 'it writes nothing more')
})

t.test('what was rejected and is taken later is forgotten', async (t) => {
  await openAtEnd('taken')
  let isTaken = false
  const { writer } = writerThat('taken', async (documents) =>
    documents.map(() => (isTaken ? done : { outcome: 'rejected', reason: 'no' })),
  )
  const view = createRejectsView(database, orders)
  follow(t, writer)
  const order = firstOrder()
  await place(order)
  await until('it is rejected', async () => (await view.count()) === 1)
  t.match(await view.list({ limit: 1 }), [{ id: order.id, version: 1, index: 'test-1', reason: 'no', attempts: 1 }])
  isTaken = true
  await database.query({ text: 'UPDATE orders SET quantity = quantity WHERE id = $1', values: [order.id] })
  await until('it is forgotten', async () => (await view.count()) === 0)
})

t.test('a single change is found soon, many together later, and while an index is filled much later', async (t) => {
  const usual_ms = 1_000
  const table = [
    { waiting: 1, isFilling: false, after_ms: 100.5 },
    { waiting: 500, isFilling: false, after_ms: 350 },
    { waiting: 1_800, isFilling: false, after_ms: 1_000 },
    { waiting: 100_000, isFilling: false, after_ms: 1_000 },
    { waiting: 1, isFilling: true, after_ms: 30_000 },
  ]
  for (const { waiting, isFilling, after_ms } of table)
    t.equal(refreshAfter_ms(usual_ms, waiting, isFilling), after_ms, `${waiting} wait${isFilling ? ', filling' : ''}`)
})
