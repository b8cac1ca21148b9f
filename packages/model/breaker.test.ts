import t from 'tap'
import { createBreaker } from './breaker.ts'

t.test(
  'after three failures in a row nobody asks for five seconds, then one at a time, until it goes well',
  async (t) => {
    let now = 0
    const breaker = createBreaker({ failuresMax: 3, rest_ms: () => 5_000, now: () => now })
    for (const outcome of ['failed', 'failed', 'ok', 'failed', 'failed'] as const) breaker.tell(outcome)
    t.ok(breaker.admits(), 'two in a row are not three')
    t.equal(breaker.state(), 'closed')
    breaker.tell('failed')
    t.notOk(breaker.admits())
    t.equal(breaker.state(), 'open')
    now = 4_999
    t.notOk(breaker.admits())
    now = 5_000
    t.equal(breaker.state(), 'half-open')
    t.ok(breaker.admits())
    t.notOk(breaker.admits(), 'the others wait')
    t.equal(breaker.state(), 'half-open', 'while one finds out')
    breaker.tell('failed')
    t.equal(breaker.state(), 'open')
    now = 9_999
    t.notOk(breaker.admits())
    now = 10_000
    t.ok(breaker.admits())
    breaker.tell('ok')
    t.ok(breaker.admits() && breaker.admits())
  },
)

t.test(
  'who tries again each time may rest longer each time; who never tells does not keep the others out',
  async (t) => {
    let now = 0
    const breaker = createBreaker({ failuresMax: 1, rest_ms: (time) => 100 * time, now: () => now })
    for (const expected of [100, 200, 300]) {
      t.ok(breaker.admits())
      breaker.tell('failed')
      t.equal(breaker.left_ms(), expected)
      now += expected
    }
    t.equal(breaker.failures(), 3)
    t.ok(breaker.admits())
    now += 300
    t.ok(breaker.admits(), 'the one before has not told')
    breaker.tell('ok')
    t.same([breaker.left_ms(), breaker.failures(), breaker.state()], [0, 0, 'closed'])
  },
)
