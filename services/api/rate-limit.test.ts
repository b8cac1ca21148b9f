import t from 'tap'
import { createRateLimit, type RateLimit, type Verdict } from './rate-limit.ts'

/** A shared bucket that counts who asks, on a clock that the test moves. */
function makeLimit(rate: number, callersMax = 100, shared = { tokens: rate, fails: false }) {
  const clock = { now: 0 }
  const asked: { caller: string; owed: number }[] = []
  const away: unknown[] = []
  const limit = createRateLimit({
    rate,
    callersMax,
    now: () => clock.now,
    onSharedAway: (error) => away.push(error),
    shared: {
      async take(caller, _size, owed) {
        asked.push({ caller, owed })
        if (shared.fails) throw new Error('away')
        shared.tokens -= owed
        const allowed = shared.tokens >= 1
        if (allowed) shared.tokens -= 1
        for (let n = 0; n < 5; n += 1) await undefined // an answer takes longer than the next request
        return { allowed, tokens: shared.tokens }
      },
    },
  })
  return { limit, clock, asked, shared, away }
}

/** How many of so many requests in a row are allowed. */
async function allowedOf(limit: RateLimit, requests: number, caller = 'ann'): Promise<number> {
  let allowed = 0
  for (let sent = 0; sent < requests; sent += 1) if ((await limit.take(caller)).allowed) allowed += 1
  return allowed
}

t.test('a quarter of the rate is spent without asking anybody', async (t) => {
  const { limit, asked, clock } = makeLimit(100)
  t.equal(await allowedOf(limit, 25), 25)
  t.equal(asked.length, 0)
  t.equal(await allowedOf(limit, 1), 1)
  t.same(asked, [{ caller: 'ann', owed: 25 }], 'then what was spent is told')
  for (let second = 0; second < 50; second += 1) {
    clock.now += 1_000
    t.equal(await allowedOf(limit, 20), 20)
  }
  t.equal(asked.length, 1, 'who stays below it never costs a call')
})

t.test('of all that comes at one moment to two processes a quarter is too much', async (t) => {
  const shared = { tokens: 20, fails: false }
  const limits = [makeLimit(20, 100, shared), makeLimit(20, 100, shared)].map(({ limit }) => limit)
  const verdicts = await Promise.all(limits.flatMap((limit) => Array.from({ length: 100 }, () => limit.take('ann'))))
  const allowed = verdicts.filter((verdict) => verdict.allowed).length
  t.ok(allowed >= 20 && allowed <= 25, `${allowed} allowed`)
})

t.test(
  'what comes while one asks, asks too; with its answer that ends, however close upon each other they come',
  async (t) => {
    const { limit, asked } = makeLimit(1_000)
    const all: (Verdict | Promise<Verdict>)[] = []
    for (let sent = 0; sent < 400; sent += 1) {
      all.push(limit.take('ann'))
      await undefined // an answer takes longer than the next request
    }
    t.ok((await Promise.all(all)).every(({ allowed }) => allowed))
    t.ok(asked.length > 1 && asked.length < 10, `${asked.length} asked`)
  },
)

t.test('a full second is allowed at once, then as many as come back with time, and no more', async (t) => {
  const { limit, clock, shared } = makeLimit(40)
  t.equal(await allowedOf(limit, 100), 40)
  clock.now += 500
  shared.tokens += 20
  t.equal(await allowedOf(limit, 100), 20)
  clock.now += 60_000
  shared.tokens = 40
  t.equal(await allowedOf(limit, 100), 40, 'what nobody used does not add up')
})

t.test('whom memory alone can refuse is refused without asking', async (t) => {
  const { limit, asked } = makeLimit(4)
  await allowedOf(limit, 10)
  const before = asked.length
  t.equal(await allowedOf(limit, 1_000), 0)
  t.equal(asked.length, before)
})

t.test('what others have spent counts, and a debt is waited off', async (t) => {
  const { limit, shared, clock } = makeLimit(100)
  shared.tokens = 10
  t.equal(await allowedOf(limit, 100), 25, 'the quarter was spent before anybody asked')
  t.equal(shared.tokens, -15)
  const refused = (await limit.take('ann')) as Verdict
  t.match(refused, { allowed: false, remaining: 0, retryAfter_s: 1 })
  clock.now += 100
  t.equal(await allowedOf(limit, 1), 0, 'after 100 ms 5 are still owed')
})

t.test('without the shared count every process limits for itself, and asks again only after a pause', async (t) => {
  const { limit, shared, asked, away, clock } = makeLimit(40)
  shared.fails = true
  t.equal(await allowedOf(limit, 100), 40)
  t.equal(asked.length, 1)
  t.equal(away.length, 1)
  clock.now += 1_000
  shared.fails = false
  t.ok((await allowedOf(limit, 100)) <= 40)
  t.ok(asked.length > 1, 'it is back')
})

t.test('callers are apart, and only so many are remembered', async (t) => {
  const { limit } = makeLimit(4, 3)
  t.equal(await allowedOf(limit, 10), 4)
  t.equal(await allowedOf(limit, 1, 'bob'), 1)
  for (let n = 0; n < 10_000; n += 1) await limit.take(`caller ${n}`)
  t.equal(limit.size(), 3)
})

t.test('a caller is told what is left, until when, and when to come again', async (t) => {
  const { limit } = makeLimit(100)
  t.same(await limit.take('ann'), { allowed: true, remaining: 99, reset_s: 1, retryAfter_s: 1 })
})
