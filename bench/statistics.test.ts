import t from 'tap'
import { latencyOf, quantile, ratioOf, summary } from './statistics.ts'

t.test('a quantile is the nearest rank', async (t) => {
  const sorted = Array.from({ length: 100 }, (_, at) => at + 1)
  for (const [q, expected] of [
    [0, 1],
    [0.5, 50],
    [0.99, 99],
    [0.999, 100],
    [1, 100],
  ] as const)
    t.equal(quantile(sorted, q), expected, `of ${q}`)
  t.equal(quantile([7], 0.99), 7)
  t.ok(Number.isNaN(quantile([], 0.5)), 'of nothing there is none')
})

t.test('a summary tells the median, and half the range as a share of it', async (t) => {
  t.match(summary([3, 1, 2]), { median: 2, spread: 0.5, values: [3, 1, 2] })
  t.match(summary([4, 1, 3, 2]), { median: 2.5, spread: 0.6 }, 'of an even count the mean of the middle two')
  t.match(summary([5, 5]), { median: 5, spread: 0 })
  t.ok(Number.isNaN(summary([]).median))
})

t.test('what was measured in the same rounds is divided round by round: a slow round slows both', async (t) => {
  const { median, spread } = ratioOf(summary([100, 10, 50]), summary([200, 20, 100]))
  t.equal(median, 0.5)
  t.equal(spread, 0)
})

t.test(
  'what was measured a different number of times is divided by its medians, with the spread of both',
  async (t) => {
    const { median, spread } = ratioOf(summary([9, 10, 11]), summary([4, 6]))
    t.equal(median, 2)
    t.ok(Math.abs(spread - Math.hypot(0.1, 0.2)) < 1e-9)
  },
)

t.test('latencies are sorted as numbers', async (t) => {
  t.same(latencyOf([100, 9, 20]), { count: 3, p50: 20, p99: 100, p999: 100 })
})
