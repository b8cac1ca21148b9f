import t from 'tap'
import { createYielding, type Writes } from './yielding.ts'

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
