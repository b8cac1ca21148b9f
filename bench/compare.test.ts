import t from 'tap'
import { cases } from './cases/index.ts'
import { compareRatios, readSaved, worseIn, worstOf } from './compare.ts'
import { barsOf, casesOf, ratiosOf } from './ratios.ts'
import { type Ratio, rowOf } from './results.ts'

const ratio = (name: string, value: number, better: Ratio['better'] = 'higher'): Ratio => ({
  name,
  value,
  spread: 0,
  better,
})

t.test('a ratio fails when it is more than 20 % worse than it was, whichever way is better', async (t) => {
  for (const [better, now, fails] of [
    ['higher', 1, false],
    ['higher', 0.81, false],
    ['higher', 0.79, true],
    ['higher', 3, false],
    ['lower', 1, false],
    ['lower', 1.24, false],
    ['lower', 1.26, true],
    ['lower', 0.1, false],
    ['higher', Number.NaN, true],
  ] as const) {
    const [found] = compareRatios([ratio('a', 1, better)], [ratio('a', now, better)])
    t.equal(found?.fails, fails, `${better} is better, 1 became ${now}`)
  }
  t.same(compareRatios([ratio('a', 1)], [ratio('b', 1)]), [], 'what only one run has is not compared')
})

t.test('what is worse is known by its name, and by the cases that it is measured in', async (t) => {
  const before = [ratio('GET hit ÷ floor', 1), ratio('whole way ÷ one by one', 10), ratio('accept ÷ floor', 1)]
  const now = [ratio('GET hit ÷ floor', 0.5), ratio('whole way ÷ one by one', 5), ratio('accept ÷ floor', 0.9)]
  const worse = worseIn(compareRatios(before, now))
  t.same(worse, ['GET hit ÷ floor', 'whole way ÷ one by one'])
  t.same(casesOf(worse).sort(), ['drain', 'read', 'whole'])
  const names = cases.map(({ name }) => name)
  for (const { name } of before) for (const one of casesOf([name])) t.ok(names.includes(one), one)
  t.same(casesOf([]), [])
})

t.test('a saved run is a file whose last line is the JSON, or that is the JSON', async (t) => {
  const json = JSON.stringify({ rows: [], ratios: [ratio('a', 1)] })
  t.same(readSaved(`a table\n\n${json}\n`), [ratio('a', 1)])
  t.same(readSaved(JSON.stringify(JSON.parse(json), null, 2)), [ratio('a', 1)])
  for (const text of ['', 'a table', '{"rows":[]}', '{"ratios":[{}]}'])
    t.throws(() => readSaved(text), /not a saved run/)
})

t.test('of several runs the worst of each ratio counts, whichever way is better', async (t) => {
  const runs = [
    [ratio('a', 2), ratio('b', 2, 'lower')],
    [ratio('a', 1), ratio('b', 3, 'lower')],
    [ratio('a', 3), ratio('b', 1, 'lower'), ratio('c', 4)],
  ]
  t.same(worstOf(runs), [ratio('a', 1), ratio('b', 3, 'lower'), ratio('c', 4)])
  t.same(readSaved(JSON.stringify({ ratios: worstOf(runs) })), worstOf(runs), 'as a saved run')
})

t.test('bars are computed for the rows there are, and one that is missed says so', async (t) => {
  const row = (id: string, rate: number, mb = 100) =>
    rowOf(id, { title: id, kind: 'product' }, [{ rate, p99_ms: 1, 'rss.api': mb }])
  const rows = [row('accept/ordermill', 80), row('accept/floor', 100, 250)]
  const ratios = ratiosOf(rows)
  t.equal(ratios.find(({ name }) => name === 'accept ÷ floor')?.value, 0.8)
  const bars = barsOf(rows, ratios)
  t.match(
    bars.find(({ name }) => name === 'accept ÷ floor'),
    { value: 0.8, at_least: 0.85, holds: false },
  )
  t.match(
    bars.find(({ name }) => name === 'accept p99 ÷ floor p99'),
    { value: 1, at_most: 1.3, holds: true },
  )
  t.match(
    bars.find(({ name }) => name.startsWith('resident memory of the api')),
    { value: 250, at_most: 200, holds: false },
    'the highest of all rounds counts',
  )
  t.notOk(bars.some(({ name }) => name.startsWith('drain')))
})
