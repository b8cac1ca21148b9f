import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'
import { checkFits, edited } from '../edits.ts'
import { runMutations } from './mutants.ts'

import { mutations } from './mutations.ts'
import { runSplit } from './processes.ts'

const seeds = 10_000
/** One takes 10 to 15 ms of CPU: after a minute fewer are enough, but never fewer than these, however busy the machine is. */
const deadline_ms = 60_000
const seedsMin = 1_000

t.test(`up to ${seeds} seeds keep every promise`, { timeout: 280_000 }, async (t) => {
  const { done, failures } = await runSplit({ seeds: { from: 1, count: seeds, step: 1 }, deadline_ms, least: seedsMin })
  t.strictSame(
    failures.map(({ seed, failure }) => `npm run simulate -- --seed ${seed} --trace: ${failure}`),
    [],
  )
  t.ok(done >= seedsMin, `${done} seeds`)
  t.comment(`${done} seeds`)
})

t.test('the same seed has the same trace, byte for byte', async (t) => {
  const trace = (seed: number) =>
    execFileSync(process.execPath, [join(import.meta.dirname, 'main.ts'), '--seed', String(seed), '--trace']).toString()
  for (const seed of [7, 1_001]) {
    const first = trace(seed)
    t.ok(first.split('\n').length > 20, 'there is something in it')
    t.equal(trace(seed), first)
  }
  t.not(trace(8), trace(9))
})

t.test('every guard that a mutation takes out stands in the product exactly once', async (t) => {
  t.ok(mutations.length > 20)
  for (const mutation of mutations) t.doesNotThrow(() => checkFits([mutation]), mutation.without)
  const [first] = mutations
  if (first === undefined) throw new Error('no mutations')
  t.throws(() => edited('nothing of the kind', first), /nothing like/)
  t.throws(() => edited(`${first.search}\n${first.search}`, first), /more than one/)
})

// What the product does in another order moves the seeds: those that notice early do so again soon.
t.test('without a guard that few seeds can do without a promise breaks', { timeout: 280_000 }, async (t) => {
  const all = await runMutations({ seedsMax: 300, recordedWithin: 40 })
  t.ok(all.length >= 8, `${all.length} guards`)
  for (const { mutation, caught } of all) t.ok(caught, mutation.without)
})
