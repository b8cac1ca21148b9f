import t from 'tap'
import { createImpatience, createYielding, type Writes } from './yielding.ts'

const never = new AbortController().signal
const rested = async (work: () => Promise<unknown>) => {
  const started = performance.now()
  await work()
  return performance.now() - started
}

t.test('who works while nobody persists does not rest', async (t) => {
  const yielding = createYielding(() => 'none')
  t.ok((await rested(() => yielding.rest(1_000, never))) < 100)
})

t.test('the fuller the batches the longer the rest, and the rests of those who share it add up', async (t) => {
  for (const [writes, worked_ms] of [
    ['some', 50],
    ['full', 10.5],
  ] as const) {
    const yielding = createYielding(() => writes)
    const started = performance.now()
    const ends = [1, 2].map(() => yielding.rest(worked_ms, never).then(() => performance.now() - started))
    const [first = 0, second = 0] = await Promise.all(ends)
    t.ok(first > 190, `${writes}: ${first} ms`)
    t.ok(second > 390, `${writes}: ${second} ms`)
  }
})

t.test('a rest ends once nobody persists any more, when its signal aborts, and after two seconds', async (t) => {
  let writes: Writes = 'full'
  const yielding = createYielding(() => writes)
  const aborted = AbortSignal.timeout(50)
  t.ok((await rested(() => yielding.rest(1_000, aborted))) < 1_000)
  const whole = await rested(() => yielding.rest(60_000, never))
  t.ok(whole > 1_900 && whole < 3_000, `${whole} ms`)
  const resting = rested(() => yielding.rest(60_000, never))
  writes = 'none'
  t.ok((await resting) < 1_000)
})

t.test('who does not come nearer may work twice as much each time, and as usual once it has arrived', async (t) => {
  let now = 0
  const times = createImpatience(() => now)
  const table = [
    { at_s: 1, behind: 100, times: 1, why: 'it has just begun' },
    { at_s: 6, behind: 200, times: 1, why: 'how far it was is not known' },
    { at_s: 10, behind: 300, times: 1, why: 'looked at a moment ago' },
    { at_s: 11, behind: 300, times: 2, why: 'farther' },
    { at_s: 16, behind: 300, times: 4, why: 'as far' },
    { at_s: 21, behind: 250, times: 4, why: 'nearer' },
    { at_s: 26, behind: 260, times: 8, why: 'farther again' },
    { at_s: 27, behind: 0, times: 1, why: 'there' },
    { at_s: 40, behind: 10, times: 1, why: 'a new beginning' },
    { at_s: 45, behind: 11, times: 2, why: 'farther' },
    { at_s: 50, behind: 12, times: 4, why: 'farther' },
    { at_s: 55, behind: 13, times: 8, why: 'farther' },
    { at_s: 60, behind: 14, times: 16, why: 'farther' },
    { at_s: 65, behind: 15, times: 20, why: 'that is all of the time' },
    { at_s: 70, behind: 16, times: 20, why: 'there is no more' },
  ]
  for (const { at_s, behind, times: expected, why } of table) {
    now = at_s * 1_000
    t.equal(times(behind), expected, `after ${at_s} s: ${why}`)
  }
})

t.test('twice the part of the time is less than half of the rest', async (t) => {
  const yielding = createYielding(() => 'some')
  const took = await rested(() => yielding.rest(50, never, 2))
  t.ok(took > 70 && took < 150, `${took} ms`) // 200 ms for a fifth of the time, 75 ms for two fifths
})
