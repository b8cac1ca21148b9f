import t from 'tap'
import { cases } from './cases/index.ts'
import { growthOf } from './cases/sustained.ts'
import { readCommand } from './command.ts'
import { callTree, flameGraph, hottest } from './flame.ts'
import { choose } from './runner.ts'

const idsOf = (names: string[], only: string[] = []) =>
  choose(cases, names, only).flatMap(({ rows }) => rows.map(({ id }) => id))

t.test('a case brings the rows of others that it builds on', async (t) => {
  t.same(idsOf(['latency']), ['whole/ordermill', 'latency/ordermill'])
  t.ok(idsOf(['whole']).includes('drain/floor'))
  t.same(idsOf(['accept'], ['floor', 'accept/bare']), ['accept/bare', 'accept/floor'])
  t.throws(() => choose(cases, ['nothing'], []), /no case 'nothing'/)
  t.throws(() => choose(cases, ['read'], ['bullmq']), /no row 'bullmq'/)
})

t.test('what a command line may not say is refused in words', async (t) => {
  for (const [args, says] of [
    [['--rounds', '0'], /--rounds takes a whole number from 1 to 100, not '0'/],
    [['--seconds', 'x'], /--seconds takes a whole number/],
    [['--profile', 'redis'], /--profile takes api, reads, searches, worker, not 'redis'/],
    [['--what'], /Unknown option '--what'/],
    [['file'], /Unexpected argument 'file'/],
  ] as const)
    t.throws(() => readCommand([...args]), says, args.join(' '))
  t.match(readCommand(['--case', 'read', '--quick', '--rounds', '2']), {
    cases: ['read'],
    quick: true,
    rounds: 2,
    json: false,
  })
})

t.test('a backlog that goes up and down does not grow; one that only goes up does', async (t) => {
  const seen = (waiting: (at: number) => number) =>
    Array.from({ length: 60 }, (_, n) => ({ at: n * 100, waiting: waiting(n) }))
  t.ok(Math.abs(growthOf(seen((n) => 500 + (n % 5) * 100))) < 20)
  t.ok(Math.abs(growthOf(seen((n) => n * 10)) - 100) < 1, '10 more every 100 ms are 100 a second')
})

t.test('a profile becomes a tree of times, without the idle ones, and a page', async (t) => {
  const frame = (functionName: string, url = '') => ({ functionName, url, lineNumber: 0 })
  const profile = {
    nodes: [
      { id: 1, callFrame: frame('(root)'), children: [2, 3] },
      { id: 2, callFrame: frame('(idle)') },
      { id: 3, callFrame: frame('outer<T>', 'file:///x/services/api/app.ts'), children: [4] },
      { id: 4, callFrame: frame('inner', 'file:///x/node_modules/pg/lib/client.js') },
    ],
    samples: [2, 3, 4, 4],
    timeDeltas: [1_000, 100, 200, 100],
  }
  const root = callTree(profile)
  t.equal(root.total, 400)
  t.match(root.children[0], { name: 'outer<T>', place: 'services/api/app.ts:1', self: 100, total: 400 })
  t.match(hottest(profile), /75\.0 %\s+pg\n\s+25\.0 %\s+services\/api/)
  t.match(flameGraph(profile, 'A & B'), /<title>A &amp; B<\/title>[\s\S]*outer&lt;T>/)
})
