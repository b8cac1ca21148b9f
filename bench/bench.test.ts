import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { environment } from '@ordermill/config'
import { serversFolder } from '@ordermill/servers'
import t from 'tap'
import type { Results } from './results.ts'

const repository = join(import.meta.dirname, '..')
const bench = (...args: string[]) =>
  promisify(execFile)('node', ['tools/run.mjs', 'bench/run.ts', ...args], {
    cwd: repository,
    env: environment(),
    timeout: 120_000,
  })

t.test('a tiny run, by the real command, ends with one JSON object of rows, ratios and bars', async (t) => {
  const rows = ['bare', 'floor', 'ordermill'].flatMap((row) => ['--only', row])
  const { stdout, stderr } = await bench('--case', 'accept', ...rows, '--quick', '--rounds', '1', '--json')
  const results = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Results
  t.same(
    results.rows.map(({ id }) => id),
    ['accept/bare', 'accept/floor', 'accept/ordermill'],
  )
  for (const { id, metrics } of results.rows) {
    t.ok((metrics['rate']?.median ?? 0) > 0, `${id} accepted something`)
    t.equal(metrics['failed']?.median, 0, `${id} refused nothing`)
    t.ok(Number.isFinite(metrics['p99_ms']?.median), `${id} has latencies`)
  }
  t.ok(results.ratios.length >= 2)
  for (const { name, value } of results.ratios) t.ok(Number.isFinite(value) && value > 0, `${name} is ${value}`)
  for (const { name, value, at_least, at_most, holds } of results.bars) {
    const expected = at_least === undefined ? value <= (at_most ?? Number.NaN) : value >= at_least
    t.equal(holds, expected, `${name} is judged by its limit`)
  }
  t.match(stdout, /Accept, 50 connections/)
  t.match(stderr, /1\/1/, 'progress goes to stderr')
})

t.test('it leaves nothing behind, and says what it cannot do before anything starts', async (t) => {
  const [list, help] = await Promise.all([
    bench('--list'),
    bench('--help'),
    t.rejects(bench('--case', 'nothing'), /no case 'nothing'/),
    t.rejects(bench('--rounds', 'many'), /--rounds takes a whole number/),
  ])
  t.match(list.stdout, /accept\/floor/)
  t.match(help.stdout, /--compare FILE/)
  t.ok(existsSync(join(serversFolder(), 'bench', 'latest.json')))
})
