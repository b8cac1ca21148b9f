import t from 'tap'
import { backoffMs } from './backoff.ts'

t.test('backoff doubles, stops at 30 seconds and is at most half random', async (t) => {
  t.equal(
    backoffMs(0, () => 0),
    250,
  )
  t.equal(
    backoffMs(0, () => 1),
    500,
  )
  t.equal(
    backoffMs(3, () => 1),
    4_000,
  )
  t.equal(
    backoffMs(1_000, () => 1),
    30_000,
  )
})
