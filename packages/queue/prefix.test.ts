import fc from 'fast-check'
import t from 'tap'
import { createPrefix } from './prefix.ts'

t.test('the ack moves over what is settled without a gap, and says 0 while it does not move', async (t) => {
  const table: { settled: number[]; upTo: number }[] = [
    { settled: [], upTo: 0 },
    { settled: [2, 3], upTo: 0 },
    { settled: [1], upTo: 3 },
    { settled: [1, 2], upTo: 0 },
    { settled: [5, 7], upTo: 0 },
    { settled: [4], upTo: 5 },
    { settled: [6, 8, 10], upTo: 8 },
    { settled: [10], upTo: 0 },
    { settled: [9], upTo: 10 },
  ]
  const prefix = createPrefix()
  for (const { settled, upTo } of table) t.equal(prefix.settle(settled), upTo, `settled ${settled.join()}`)
})

t.test(
  'in whatever order tags are settled, all are covered in the end and none before all that precede it',
  async (t) => {
    const order = fc.integer({ min: 1, max: 60 }).chain((count) => {
      const tags = Array.from({ length: count }, (_, at) => at + 1)
      return fc.shuffledSubarray(tags, { minLength: count, maxLength: count })
    })
    fc.assert(
      fc.property(order, fc.integer({ min: 1, max: 7 }), (tags, step) => {
        const prefix = createPrefix()
        const settled = new Set<number>()
        let acked = 0
        for (let at = 0; at < tags.length; at += step) {
          const some = tags.slice(at, at + step)
          for (const tag of some) settled.add(tag)
          const upTo = prefix.settle(some)
          if (upTo > 0) {
            t.ok(upTo > acked, 'an ack never goes back')
            acked = upTo
          }
          for (let tag = 1; tag <= acked; tag += 1) if (!settled.has(tag)) t.fail(`${tag} was acked unsettled`)
          t.notOk(settled.has(acked + 1), 'the next one is not settled')
        }
        t.equal(acked, tags.length)
      }),
    )
  },
)
