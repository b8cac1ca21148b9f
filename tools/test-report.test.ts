import t from 'tap'
import { TestReport } from './test-report.ts'

const read = (tap: string) => {
  const printed: string[] = []
  const report = new TestReport((line) => printed.push(line))
  for (const line of tap.split('\n')) report.read(line)
  return { passed: report.passed, failed: report.failed, printed }
}

t.test('tests of a file are counted one level below it, whatever is inside them', async (t) => {
  const { passed, failed, printed } = read(`TAP version 14
# Subtest: a.test.ts
    # Subtest: one
        ok 1 - should be equal
        ok 2 - should be equal
        1..2
    ok 1 - one # time=3ms
    ok 2 - two # SKIP not here
    1..2
ok 1 - a.test.ts # time=13.1ms`)
  t.same([passed, failed], [1, 0])
  t.same(printed, ['ok     a.test.ts: 1 passed, 0 failed (13.1 ms)'])
})

t.test('a failure is shown once, where it happened, with its diagnostics', async (t) => {
  const { passed, failed, printed } = read(`# Subtest: a.test.ts
    # Subtest: one
        not ok 1 - should be equal
          ---
          diff: here
          ...
        1..1
    not ok 1 - one # time=3ms
      ---
      at: elsewhere
      ...
    ok 2 - two
    1..2
not ok 1 - a.test.ts # time=13.1ms
  ---
  exitCode: 1
  ...`)
  t.same([passed, failed], [1, 1])
  t.same(printed, [
    'not ok: a.test.ts > one > should be equal',
    '  diff: here',
    'FAILED a.test.ts: 1 passed, 1 failed (13.1 ms)',
  ])
})

t.test('a file that dies without a failed test counts as one failed', async (t) => {
  const { passed, failed, printed } = read(`# Subtest: a.test.ts
    ok 1 - one
not ok 1 - a.test.ts # time=13.1ms
  ---
  signal: SIGKILL
  ...`)
  t.same([passed, failed], [1, 1])
  t.match(printed, ['not ok: a.test.ts', 'FAILED a.test.ts: 1 passed, 0 failed (13.1 ms)', '  signal: SIGKILL'])
})
