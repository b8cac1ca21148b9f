import { mock } from 'node:test'
import { BadData, Unavailable } from '@ordermill/model'
import t from 'tap'
import { withDeadline } from './deadline.ts'
import { GivenUp, retryWhileUnavailable } from './retry.ts'
import { backoff_ms, pause } from './waiting.ts'

const away = () => new Unavailable('database-away', 'away')
const quiet = { signal: new AbortController().signal, onRetry: () => undefined }

t.test('the pause before an attempt doubles up to its cap, and at most half of it is random', async (t) => {
  const table: [number, number, number][] = [
    [1, 50, 100],
    [2, 100, 200],
    [3, 200, 400],
    [6, 1_600, 3_200],
    [7, 2_500, 5_000],
    [8, 2_500, 5_000],
    [1_000_000, 2_500, 5_000],
  ]
  for (const [attempt, least, most] of table) {
    t.equal(backoff_ms(attempt, { random: () => 0 }), least, `attempt ${attempt}`)
    t.equal(backoff_ms(attempt, { random: () => 1 }), most, `attempt ${attempt}`)
  }
  t.equal(backoff_ms(5, { base_ms: 1, cap_ms: 3, random: () => 1 }), 3)
})

t.test('an attempt is repeated while it is unavailable, and what it gives in the end is given', async (t) => {
  const retries: [string, number][] = []
  let attempts = 0
  const attempt = async () => {
    attempts += 1
    if (attempts < 3) throw away()
    return attempts
  }
  const onRetry = ({ code }: Unavailable, number: number) => void retries.push([code, number])
  t.equal(await retryWhileUnavailable(attempt, { ...quiet, onRetry }), 3)
  t.same(retries, [
    ['database-away', 1],
    ['database-away', 2],
  ])
})

t.test('what no retry can save is not repeated', async (t) => {
  for (const error of [new BadData('sql-22003', 'too large'), new TypeError('a defect')]) {
    let attempts = 0
    const attempt = async () => {
      attempts += 1
      throw error
    }
    await t.rejects(retryWhileUnavailable(attempt, quiet), error)
    t.equal(attempts, 1)
  }
})

t.test('when nobody waits any more it is given up: before an attempt, during one, and in the pause', async (t) => {
  const given = (work: Promise<unknown>) => t.rejects(work, new GivenUp())
  await given(retryWhileUnavailable(async () => t.fail('not tried'), { ...quiet, signal: AbortSignal.abort() }))
  const during = new AbortController()
  const failing = async () => {
    during.abort()
    throw away()
  }
  await given(retryWhileUnavailable(failing, { ...quiet, signal: during.signal }))
  const inPause = new AbortController()
  const onRetry = () => void setImmediate(() => inPause.abort())
  mock.timers.enable({ apis: ['setTimeout'] }) // a pause that is not cut never ends
  t.teardown(() => mock.timers.reset())
  let attempts = 0
  const attempt = async () => {
    attempts += 1
    throw away()
  }
  await given(retryWhileUnavailable(attempt, { signal: inPause.signal, onRetry }))
  t.equal(attempts, 1)
})

t.test('an attempt that outlives its deadline is told, and what it still brings is ignored', async (t) => {
  const { promise, resolve } = Promise.withResolvers<string>()
  let told = false
  const work = (signal: AbortSignal) => {
    signal.addEventListener('abort', () => {
      told = true
    })
    return promise
  }
  const running = withDeadline(20, quiet.signal, work)
  await t.rejects(running, { name: 'Unavailable', code: 'deadline' })
  t.equal(told, true)
  resolve('late')
  await t.rejects(running, { code: 'deadline' })
})

t.test('an attempt that fails after its deadline concerns nobody', async (t) => {
  const { promise, reject } = Promise.withResolvers<string>()
  await t.rejects(
    withDeadline(5, quiet.signal, () => promise),
    { code: 'deadline' },
  )
  reject(new Error('late'))
  await new Promise((resolve) => setImmediate(resolve)) // an unhandled rejection would fail the test here
})

t.test('an attempt within its deadline gives its result or its own failure', async (t) => {
  t.equal(await withDeadline(5_000, quiet.signal, async () => 'in time'), 'in time')
  const bad = new BadData('sql-22003', 'too large')
  await t.rejects(
    withDeadline(5_000, quiet.signal, async () => Promise.reject(bad)),
    bad,
  )
})

t.test('an outer abort ends the attempt at once', async (t) => {
  const never = () => new Promise<never>(() => undefined)
  await t.rejects(withDeadline(60_000, AbortSignal.abort(), never), { code: 'deadline' })
  const outer = new AbortController()
  const running = withDeadline(60_000, outer.signal, never)
  outer.abort()
  await t.rejects(running, { code: 'deadline' })
})

t.test('a pause ends by time, by abort or by being woken, and leaves no timer behind', async (t) => {
  const started = performance.now()
  const ending = new AbortController()
  await pause(1, ending.signal)
  let wake = () => {}
  const woken = pause(60_000, ending.signal, (wakeUp) => {
    wake = wakeUp
  })
  wake()
  await woken
  const aborted = pause(60_000, ending.signal)
  ending.abort()
  await aborted
  await pause(60_000, ending.signal)
  t.ok(performance.now() - started < 5_000)
})
