import type { Change } from '@ordermill/database'
import { firstOrder } from '@ordermill/model/testing'
import t from 'tap'
import { shareChanges } from './shared-changes.ts'

/** A table whose rows stand at these numbers, and who asked it for what. */
const table = (...numbers: number[]) => {
  const asked: [number, number][] = []
  const rows = new Map<number, Change>()
  const place = (...more: number[]) => {
    for (const change_seq of more) rows.set(change_seq, { ...firstOrder(), change_seq })
  }
  place(...numbers)
  const stored = {
    lastChange: async () => Math.max(0, ...rows.keys()),
    async changesAfter(after: number, limit: number) {
      asked.push([after, limit])
      const found = [...rows.values()].filter(({ change_seq }) => change_seq > after)
      return found.sort((a, b) => a.change_seq - b.change_seq).slice(0, limit)
    },
  }
  return { asked, place, remove: (number: number) => rows.delete(number), stored, shared: shareChanges(stored) }
}
const numbersOf = (changes: Change[]) => changes.map(({ change_seq }) => change_seq)

t.test('whoever asks for what another one has just read gets it without another look', async (t) => {
  const { asked, shared } = table(1, 2, 5, 6)
  const pages = await Promise.all([shared.changesAfter(0, 10), shared.changesAfter(0, 10), shared.changesAfter(2, 1)])
  t.same(pages.map(numbersOf), [[1, 2, 5, 6], [1, 2, 5, 6], [5]])
  t.same(numbersOf(await shared.changesAfter(3, 10)), [5, 6], 'a number that no row has any more is as good as one')
  t.equal(asked.length, 1)
})

t.test('what came since is found, and a page goes on over what is kept', async (t) => {
  const { asked, place, shared } = table(1, 2)
  await shared.changesAfter(0, 2)
  place(3, 4)
  t.same(numbersOf(await shared.changesAfter(2, 2)), [3, 4])
  t.same(numbersOf(await shared.changesAfter(0, 10)), [1, 2, 3, 4])
  t.same(numbersOf(await shared.changesAfter(1, 2)), [2, 3])
  t.same(await shared.changesAfter(4, 2), [])
  place(5)
  t.same(numbersOf(await shared.changesAfter(4, 2)), [5])
  t.same(asked, [
    [0, 2],
    [2, 2],
    [4, 2],
    [4, 2],
  ])
})

t.test('a row that changed since it was read comes again under its new number', async (t) => {
  const { place, remove, shared } = table(1, 2, 3)
  await shared.changesAfter(0, 10)
  remove(2)
  place(4)
  t.same(numbersOf(await shared.changesAfter(1, 10)), [2, 3], 'as it was')
  t.same(numbersOf(await shared.changesAfter(3, 10)), [4])
})

t.test('who is far behind asks the table, and so does who comes after a failure', async (t) => {
  const { asked, stored, shared } = table(1, 2, 3, 4)
  const { changesAfter } = stored
  stored.changesAfter = () => Promise.reject(new Error('away'))
  const failing = shared.changesAfter(0, 2)
  const waiting = shared.changesAfter(0, 2)
  await t.rejects(failing, { message: 'away' })
  await t.rejects(waiting, { message: 'away' })
  stored.changesAfter = changesAfter
  await shared.changesAfter(2, 2)
  t.same(numbersOf(await shared.changesAfter(0, 1)), [1])
  t.same(asked, [
    [2, 2],
    [0, 1],
  ])
})

t.test('what was read a while ago is read again: somebody may have taken rows away by hand', async (t) => {
  const { remove, stored } = table(1, 2, 3)
  let now = 0
  const shared = shareChanges(stored, () => now)
  await shared.changesAfter(0, 10)
  remove(2)
  now = 1_000
  t.same(numbersOf(await shared.changesAfter(0, 10)), [1, 2, 3])
  now = 3_000
  t.same(numbersOf(await shared.changesAfter(0, 10)), [1, 3])
})
