import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createHistory, readHistory } from './load/history.ts'
import { brokenText, lineOf, tableOf } from './report.ts'
import { keepOutcome, type Outcome, outcomesIn, resumed, summaryOf } from './results.ts'
import { seriesOf } from './series.ts'

const outcome = (given: Partial<Outcome>): Outcome => ({
  ...{
    scenario: 'redis-away',
    seed: 1,
    calls: 10,
    calls_per_s: 2,
    accepted: 5,
    unanswered: 0,
    refused: 1,
    lost: 0,
    unexpected: 0,
  },
  ...{ duplicates_applied: 0, parked: 0, open: 0, recovery_s: 2, memory_mb: 180, violations: [], history: 'h.ndjson' },
  ...given,
})
const violations = [{ invariant: 'I1', says: 'create t-1 was answered 202 and is lost' }]

t.test('a series goes on after the run that was finished last; a line that was cut short counts as none', async (t) => {
  const file = join(t.testdir({}), 'results.ndjson')
  const runs = [1, 2].flatMap((seed) => ['redis-away', 'broker-away'].map((name) => ({ scenario: { name }, seed })))
  t.same(resumed(runs, outcomesIn(file)), { done: [], left: runs }, 'nothing was run yet')
  keepOutcome(file, outcome({ seed: 2, violations })) // of an earlier series
  keepOutcome(file, outcome({ seed: 1, violations }))
  keepOutcome(file, outcome({ scenario: 'broker-away', seed: 1 }))
  keepOutcome(file, outcome({ scenario: 'other', seed: 1 }))
  appendFileSync(file, '{"scenario":"redis-away","seed":2,"viol')
  const { done, left } = resumed(runs, outcomesIn(file))
  t.match(done, [
    { scenario: 'redis-away', seed: 1, violations },
    { scenario: 'broker-away', seed: 1 },
  ])
  t.same(left, runs.slice(2))
  appendFileSync(file, '\n')
  keepOutcome(file, outcome({ scenario: 'broker-away', seed: 2 }))
  t.same(resumed(runs, outcomesIn(file)).left, [], 'all of it is finished')
})

t.test('a series that was stopped goes on where it was, whatever stage its scenarios play on', async (t) => {
  const file = join(t.testdir({}), 'results.ndjson')
  const runs = seriesOf([{ name: 'on a cluster', stage: 'cluster' as const }, { name: 'redis-away' }], 1, 2)
  const order = runs.map(({ scenario, seed }) => `${scenario.name} ${seed}`)
  t.same(order, ['redis-away 1', 'redis-away 2', 'on a cluster 1', 'on a cluster 2'], 'stage by stage')
  for (const seed of [1, 2]) keepOutcome(file, outcome({ seed }))
  const { done, left } = resumed(runs, outcomesIn(file))
  t.same([done.length, left], [2, runs.slice(2)])
})

t.test('a report has a row for each scenario, with the last run of each seed', async (t) => {
  const table = tableOf([
    outcome({ violations }),
    outcome({ accepted: 1_200, recovery_s: 0.25 }),
    outcome({ seed: 2, recovery_s: 2 }),
    outcome({ seed: 3, recovery_s: 4, parked: 1, violations }),
    outcome({ scenario: 'broker-away', recovery_s: undefined }),
  ])
  t.same(table.split('\n').slice(2), [
    '| redis-away | 2 of 3 | 30 | 1,210 | 3 | 0 | 1 | 2.0 s | 4.0 s |',
    '| broker-away | 1 of 1 | 10 | 5 | 1 | 0 | 0 | never | never |',
  ])
})

t.test('the summary adds up what runs found, and names those that broke something', async (t) => {
  const summary = summaryOf([outcome({}), outcome({ seed: 2, lost: 1, violations, recovery_s: 7.25 })])
  t.match(summary, { scenarios: 1, seeds: 2, accepted: 10, lost: 1, slowest_recovery_seconds: 7.3 })
  t.same(summary.failed, [{ scenario: 'redis-away', seed: 2, violations, history: 'h.ndjson' }])
  t.equal(summaryOf([outcome({ recovery_s: undefined })]).slowest_recovery_seconds, null, 'never is not soon')
})

t.test('what is broken is printed with the command that runs it again', async (t) => {
  const broken = outcome({ seed: 7, violations })
  t.match(lineOf(broken), /^BROKEN redis-away \(seed 7\)/)
  t.match(lineOf(outcome({})), /^ok .*quiet after 2.0 s/)
  t.match(
    brokenText(broken, ' --for 60'),
    /I1: create t-1[\s\S]*npm run chaos -- --scenario redis-away --seed 7 --for 60/,
  )
})

t.test('a history is read back as it was written', async (t) => {
  const file = join(t.testdir({}), 'history.ndjson')
  const head = { scenario: 'redis-away', seed: 1, prefix: 'r1-', change_seq: 5, parked: 0 }
  const history = createHistory(file, head)
  const call = { client: 0, op: 1, kind: 'read' as const, id: 'x', began_ms: 1, ended_ms: 2, error: 'TIMEOUT' }
  history.add(call)
  history.mark('break')
  history.close()
  history.add(call) // too late
  const found = readHistory(file)
  t.same(found.head, head)
  t.same(found.calls, [call])
  t.match(found.marks, [{ mark: 'break', at_ms: Number }])
})
