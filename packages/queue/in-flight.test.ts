import t from 'tap'
import { InFlight } from './in-flight.ts'

t.test('those in flight stand in the order in which they came, whoever leaves', async (t) => {
  const line = new InFlight<string>()
  t.same([...line], [])
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((value) => line.add(value))
  if (a === undefined || b === undefined || c === undefined || d === undefined) throw new Error('no place')
  t.equal(line.size, 4)
  for (const [place, rest] of [
    [b, ['a', 'c', 'd']],
    [a, ['c', 'd']],
    [d, ['c']],
    [c, []],
  ] as const) {
    t.equal(line.remove(place), true)
    t.same([...line], rest)
    t.equal(line.size, rest.length)
    t.equal(line.remove(place), false, 'who has left is not there')
    t.equal(line.size, rest.length)
    t.same([place.before, place.after], [undefined, undefined], 'who has left leads to nobody')
  }
  line.add('e')
  t.same([...line], ['e'])
})

t.test('who is at hand may leave while they are gone through', async (t) => {
  const line = new InFlight<number>()
  const places = [1, 2, 3, 4].map((value) => line.add(value))
  const seen: number[] = []
  for (const one of line) {
    seen.push(one)
    const place = places[one - 1]
    if (place !== undefined) line.remove(place)
  }
  t.same(seen, [1, 2, 3, 4])
  t.equal(line.size, 0)
})
