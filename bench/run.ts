import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, release, totalmem, type } from 'node:os'
import { join } from 'node:path'
import { ServerProblem, serversFolder } from '@ordermill/servers'
import type { Case } from './cases/case.ts'
import { cases } from './cases/index.ts'
import { BadCommand, type Command, readCommand, usage } from './command.ts'
import { compareRatios, readSaved, worseIn, worstOf } from './compare.ts'
import { profile } from './profile.ts'
import { barsOf, casesOf, ratiosOf } from './ratios.ts'
import { comparisonText, page, terminal } from './report.ts'
import type { Machine, Ratio, Results } from './results.ts'
import { type Chosen, choose, runCase, settingsOf } from './runner.ts'
import { full, quick } from './settings.ts'
import { onStage, type Stage } from './stage.ts'

// `npm run bench`. Progress goes to stderr, what was found to stdout.
const stopping = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stopping.abort())
process.on('disconnect', () => stopping.abort())
process.channel?.unref()
/** Progress, with the seconds since the start. */
const say = (line: string): void => console.error(`${(performance.now() / 1_000).toFixed(0).padStart(4)} s  ${line}`)
const titles = Object.fromEntries(cases.map(({ name, title }) => [name, title]))

async function main(): Promise<number> {
  const command = readCommand(process.argv.slice(2))
  if (command.help) return print(usage)
  if (command.list)
    return print(
      cases
        .map(
          ({ name, title, rows }) =>
            `${name}: ${title}\n${rows.map(({ id, title: row }) => `  ${id.padEnd(22)} ${row}`).join('\n')}`,
        )
        .join('\n'),
    )
  const savedIn = (file: string) => readSaved(readFileSync(file, 'utf8'))
  if (command.worst.length > 0) return print(JSON.stringify({ ratios: worstOf(command.worst.map(savedIn)) }, null, 2))
  const saved = command.compare === undefined ? undefined : savedIn(command.compare)
  if (command.profile !== undefined)
    return print(await profile(command.profile, { settings: settingsFor(command), signal: stopping.signal, say }))

  const offered = command.quick && command.cases.length === 0 ? short(cases) : cases
  const results = await measure(command, offered)
  const folder = join(serversFolder(), 'bench')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'latest.json'), `${JSON.stringify(results)}\n`)
  writeFileSync(join(folder, 'latest.md'), page(results, titles))
  print(terminal(results, titles))
  const isWorse = saved !== undefined && !(await holdsBeside(saved, results.ratios, command, offered))
  if (command.json) print(JSON.stringify(results))
  return isWorse ? 1 : 0
}

/** Whether the ratios are as good as saved ones; the cases of those that are not are measured once more. */
async function holdsBeside(saved: Ratio[], ratios: Ratio[], command: Command, offered: Case[]): Promise<boolean> {
  const found = compareRatios(saved, ratios)
  print(comparisonText(found))
  if (found.length === 0) say('The saved run has none of these ratios: nothing was compared')
  const worse = worseIn(found)
  if (worse.length === 0) return found.length > 0
  const again = casesOf(worse)
  say(`Measured once more, as something was worse: ${again.join(', ')}`)
  const second = await measure({ ...command, cases: again, only: [] }, offered)
  const foundAgain = compareRatios(saved, second.ratios).filter(({ name }) => worse.includes(name))
  print(comparisonText(foundAgain))
  return foundAgain.length === worse.length && worseIn(foundAgain).length === 0
}

async function measure(command: Command, offered: Case[]): Promise<Results> {
  const machine = machineNow()
  const chosen = choose(offered, command.cases, command.only)
  const settings = settingsFor(command)
  const which = [...new Set(chosen.flatMap(({ of }) => of.servers))]
  const notes: string[] = []
  const rows = await onStage({ settings, which, signal: stopping.signal, say }, async (stage) => {
    notes.push(...stage.servers.notes)
    for (const one of chosen) await runOne(one, stage, notes)
    return stage.rows
  })
  const ratios = ratiosOf(rows)
  machine.load_after = loadavg()[0] ?? 0
  return { machine, settings, rows, ratios, bars: barsOf(rows, ratios), notes }
}

/** Without what takes long. */
const short = (all: Case[]): Case[] =>
  all.filter(({ long }) => long !== true).map((one) => ({ ...one, rows: one.rows.filter(({ long }) => long !== true) }))

/** Runs a case, or says why it is left out. */
async function runOne({ of, rows }: Chosen, stage: Stage, notes: string[]): Promise<void> {
  if (of.servers.includes('elasticsearch') && !stage.search) {
    notes.push(`${of.title}: left out, for there is no Elasticsearch here.`)
    return
  }
  const found = await runCase({ of, rows }, stage)
  stage.rows.push(...found)
  stage.rows.push(...(of.derive?.(stage.rows) ?? []))
}

const settingsFor = ({ quick: isQuick, rounds, seconds }: Command) =>
  settingsOf(isQuick ? quick : full, rounds, seconds)

function machineNow(): Machine {
  return {
    at: new Date().toISOString(),
    cpus: cpus().length,
    cpu_model: cpus()[0]?.model.trim() ?? '',
    memory_gb: Math.round(totalmem() / 2 ** 30),
    platform: `${type()} ${release()}`,
    node: process.version,
    load_before: loadavg()[0] ?? 0,
    load_after: 0,
  }
}

function print(text: string): 0 {
  console.log(text)
  return 0
}

main().then(
  (code) => {
    process.exitCode = code
  },
  (thrown: unknown) => {
    process.exitCode = 1
    if (stopping.signal.aborted) console.error('Stopped')
    else
      console.error(
        thrown instanceof ServerProblem || thrown instanceof BadCommand
          ? thrown.message
          : String(thrown instanceof Error ? thrown.stack : thrown),
      )
  },
)
