import t from 'tap'
import { createBreaker } from './breaker.ts'

t.test(
  'after three failures in a row nobody asks for five seconds, then one at a time, until it goes well',
  async (t) => {
    let now = 0
    const breaker = createBreaker({ now: () => now })
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
    breaker.tell('failed')
    now = 9_999
    t.notOk(breaker.admits())
    now = 10_000
    t.ok(breaker.admits())
    breaker.tell('ok')
    t.ok(breaker.admits() && breaker.admits())
  },
)
