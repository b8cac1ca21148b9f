import {
  createCursors,
  createReader,
  createRejects,
  createRowsInOrder,
  createTable,
  readRejects,
  renumber,
} from '@ordermill/database'
import { newId, orders, type Version } from '@ordermill/model'
import { deletedOrder, firstOrder, nextOrder } from '@ordermill/model/testing'
import { createDocuments, createIndexWriter } from '@ordermill/search'
import t from 'tap'
import { openEngines } from '../testing-engines.ts'
import { type ComparedRange, compareInOrder, differencesOf } from './comparing.ts'

const { database, engine, definition } = await openEngines(t)
const { alias } = definition
const writer = createIndexWriter(engine, definition)
const { uuid } = await writer.ensure()
await createCursors(database).open({ uuid, name: alias }, 0)
const stored = createReader(database, orders)
const cursors = createCursors(database)
const documents = createDocuments(engine, alias)
const rows = createRowsInOrder(database, orders)
const parts = {
  rows,
  documents,
  passed: () => cursors.passed(uuid),
  rejected: (ids: string[]) => readRejects(database, uuid, ids),
}
const signal = new AbortController().signal

const place = (...versions: Version[]) =>
  createTable(database, orders).apply(
    versions.map((version) => [version]),
    signal,
  )
/** Does what the follower does, to the end. */
const follow = async () => {
  for (;;) {
    const at = await parts.passed()
    const changes = await stored.changesAfter(at, 1_000)
    const last = changes.at(-1)
    if (last === undefined) break
    await writer.write(changes)
    await cursors.move(uuid, at, last.change_seq, 0)
  }
  await documents.refresh()
}
const compare = async (page = 10): Promise<ComparedRange[]> => {
  await documents.refresh()
  return await Array.fromAsync(compareInOrder(parts, { page }, signal))
}
const differences = async (page?: number) => {
  const found = (await compare(page)).flatMap((range) => range.differences)
  return found.map(({ kind, id }) => `${kind} ${id}`).sort()
}
const all = Array.from({ length: 47 }, () => firstOrder({ amount: 0.0001, currency: 'CLF' }))
await place(...all)
await place(deletedOrder(all[3] ?? firstOrder()), nextOrder(all[4] ?? firstOrder(), { reference: 'É \u{1F600}' }))
await follow()

t.test('a table and its index are equal, range by range, tombstones and awkward values included', async (t) => {
  for (const page of [7, 1_000]) {
    const ranges = await compare(page)
    t.same(
      [ranges.reduce((sum, one) => sum + one.rows, 0), ranges.reduce((sum, one) => sum + one.documents, 0)],
      [47, 47],
    )
    for (const { checksums } of ranges) t.equal(checksums.rows, checksums.documents)
    t.same(
      ranges.flatMap((one) => one.differences),
      [],
    )
  }
})

t.test(
  'what lacks, says something else, or has no row is found by its id; whatever somebody has called it',
  async (t) => {
    const [lacking = '', altered = '', same = '', nameless = ''] = [5, 6, 7, 8].map((at) => all[at]?.id)
    await engine.delete({ index: alias, id: lacking })
    await engine.update({ index: alias, id: altered, doc: { amount: 5 } })
    const { _source } = await engine.get<Record<string, unknown>>({ index: alias, id: same })
    await engine.index({ index: alias, id: same, document: _source ?? {} }) // the same once more, without its words
    await engine.index({ index: alias, id: nameless, document: { status: 'placed' } })
    const foreign = [newId(), 'zz', 'Ä', '00000000-0000-0000-0000-000000000000']
    for (const id of foreign) await engine.index({ index: alias, id, document: { ..._source, id } })
    const expected = [
      `missing ${lacking}`,
      ...[altered, same, nameless].map((id) => `different ${id}`),
      ...foreign.map((id) => `extra ${id}`),
    ].sort()
    for (const page of [9, 1_000]) t.same([...new Set(await differences(page))], expected)

    const found = (await compare()).flatMap((range) => range.differences)
    await documents.remove(found.flatMap((one) => (one.kind === 'extra' ? [one.document] : [])))
    const standing = found.flatMap((one) => (one.kind === 'extra' ? [] : [one.row]))
    t.equal(await renumber(database, orders, standing, 100_000), 4)
    t.ok((await stored.lastChange()) > 100_000)
    await follow()
    t.same(await differences(), [])
  },
)

t.test('the index is asked for no more ids than were read from the table, but for those after its last', async (t) => {
  await documents.refresh()
  const ends: (string | undefined)[] = []
  const watched = {
    ...documents,
    after: (...asked: Parameters<typeof documents.after>) => {
      ends.push(asked[2])
      return documents.after(...asked)
    },
  }
  const ranges = await Array.fromAsync(compareInOrder({ ...parts, documents: watched }, { page: 10 }, signal))
  const ids = all.map(({ id }) => id).sort()
  t.same(ends, [ids[9], ids[19], ids[29], ids[39], undefined])
  t.same([ranges.length, ranges.map(({ documents }) => documents)], [5, [10, 10, 10, 10, 7]])
})

t.test('a change that the follower has not passed is no difference; one that it has passed is', async (t) => {
  const order = firstOrder()
  const before = await parts.passed()
  await place(order)
  const asked = differencesOf([order.id], parts, signal)
  await follow()
  t.same(await asked, [])
  await cursors.move(uuid, await parts.passed(), before, 0)
  await engine.delete({ index: alias, id: order.id, refresh: true })
  await cursors.move(uuid, before, await stored.lastChange(), 0) // as if it had passed without writing
  t.match(await differencesOf([order.id], parts, signal), [{ kind: 'missing', id: order.id }])
  const { change_seq = 0 } = (await rows.read([order.id]))[0] ?? {}
  await createRejects(database, orders).keep(uuid, [{ id: order.id, version: 1, change_seq, reason: 'test' }])
  t.same(await differencesOf([order.id], parts, signal), [], 'unless the engine will never take it')
})

t.test(
  'a document that changed since it was looked at is not removed, nor a row renumbered that has changed',
  async (t) => {
    const id = newId()
    await engine.index({ index: alias, id, document: { id } })
    const [seen] = await documents.read([id])
    await engine.index({ index: alias, id, document: { id, version: 2 } })
    t.equal(await documents.remove(seen === undefined ? [] : [seen]), 0)
    t.equal(await documents.remove(await documents.read([id])), 1)
    const [row] = await rows.read([all[0]?.id ?? ''])
    t.equal(await renumber(database, orders, [{ id: row?.id ?? '', change_seq: 1_000_000 }]), 0)
  },
)
