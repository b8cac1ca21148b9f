import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { environment } from '@ordermill/config'
import t from 'tap'
import { optionsText, readCommand } from './command.ts'
import { checkFits } from './edits.ts'
import { settingsOf } from './load/settings.ts'
import { scenarioOf } from './mutate.ts'
import { mutations } from './mutations.ts'
import { scenarios } from './scenarios/index.ts'

const chaos = (...args: string[]) =>
  promisify(execFile)('node', ['tools/run.mjs', 'chaos/run.ts', ...args], {
    cwd: join(import.meta.dirname, '..'),
    env: environment(),
    timeout: 60_000,
  })

t.test('the command lists its scenarios, each with what it breaks, and explains itself', async (t) => {
  const { stdout } = await chaos('--list')
  const lines = stdout.trim().split('\n')
  t.equal(lines.length, scenarios.length)
  for (const [at, { name, says }] of scenarios.entries())
    t.match(lines[at], new RegExp(`^${name} +${says.slice(0, 20)}`))
  t.match((await chaos('--help')).stdout, /--resume/)
  t.equal(new Set(scenarios.map(({ name }) => name)).size, scenarios.length, 'no name twice')
})

t.test('what it does not know or cannot take it says before anything starts', async (t) => {
  await t.rejects(chaos('--scenario', 'nothing'), /there is no scenario 'nothing'/)
  t.throws(() => readCommand(['--seed', '0']), /--seed takes a whole number from 1/)
  t.throws(() => readCommand(['--for', 'long']), /--for takes a whole number from 1 to 3600, not 'long'/)
  t.throws(() => readCommand(['--rate', '20001']), /--rate takes a whole number from 1 to 20000, not '20001'/)
  t.throws(() => readCommand(['--sed', '1']), /--sed/)
})

t.test('scenarios may be named several times; seeds count from 1 if nothing is said', async (t) => {
  const { scenarios, seed, seeds, outage_s } = readCommand(['--scenario', 'a', '--scenario', 'b', '--for', '60'])
  t.same({ scenarios, seed, seeds, outage_s }, { scenarios: ['a', 'b'], seed: 1, seeds: 1, outage_s: 60 })
  t.equal(optionsText(readCommand(['--quick', '--rate', '500', '--for', '60'])), ' --for 60 --rate 500 --quick')
  t.match(settingsOf({ quick: false, rate: 5_000 }), { rate: 5_000, clients: 200 })
  t.same(settingsOf({ quick: true, rate: undefined }).rate, 80)
  const open = { open: true, rate: 5_000 }
  t.match(settingsOf({ quick: false, rate: undefined }, open), { rate: 5_000, clients: 5_000 })
  t.match(
    settingsOf({ quick: false, rate: 300 }, open),
    { rate: 300, clients: 300, open: true },
    'what is asked for counts',
  )
})

t.test('every guard that chaos takes out is found in the product, and its scenario is there', (t) => {
  for (const mutation of mutations) {
    t.doesNotThrow(() => checkFits([mutation]), mutation.without)
    t.doesNotThrow(() => scenarioOf(mutation), mutation.scenario)
  }
  t.equal(new Set(mutations.map(({ without }) => without)).size, mutations.length)
  t.end()
})
