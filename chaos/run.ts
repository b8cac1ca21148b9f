import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { ServerProblem, serversFolder } from '@ordermill/servers'
import { BadCommand, type Command, optionsText, readCommand, usage } from './command.ts'
import { runMutations } from './mutate.ts'
import { play } from './play.ts'
import { brokenText, lineOf, tableOf } from './report.ts'
import { isGreen, keepOutcome, type Outcome, outcomesIn, resumed, summaryOf } from './results.ts'
import { scenarios } from './scenarios/index.ts'
import { type Run, seriesOf, stageOf, stages } from './series.ts'
import { onStack, type Stack } from './stack.ts'

// `npm run chaos`. Progress goes to stderr, what was found to stdout.
const stopping = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stopping.abort())
process.on('disconnect', () => stopping.abort())
process.channel?.unref()
/** Progress, with the seconds since the start. */
const say = (line: string): void => console.error(`${(performance.now() / 1_000).toFixed(0).padStart(4)} s  ${line}`)

async function main(): Promise<number> {
  const command = readCommand(process.argv.slice(2))
  if (command.help) return print(usage)
  if (command.list) return print(scenarios.map(({ name, says }) => `${name.padEnd(28)} ${says}`).join('\n'))
  const folder = join(serversFolder(), 'chaos')
  mkdirSync(folder, { recursive: true })
  if (command.report) return print(tableOf(outcomesIn(join(folder, resultsFile))))
  if (command.mutations) return await withoutGuards(command, folder)
  const runs = runsOf(command)
  const { done, left } = command.resume
    ? resumed(runs, outcomesIn(join(folder, resultsFile)))
    : { done: [], left: runs }
  if (done.length > 0) say(`${done.length} of ${runs.length} runs were finished before`)
  const outcomes = [...done]
  for (const stage of stages) {
    const here = left.filter(({ scenario }) => stageOf(scenario) === stage).map((run, at) => ({ ...run, at }))
    for (let at = 0; at < here.length; at += runsPerStack) {
      const some = here.slice(at, at + runsPerStack)
      const opening = { stage, signal: stopping.signal, say }
      outcomes.push(...(await onStack(opening, (stack) => playAll(stack, some, here.length, command, folder))))
    }
  }
  const summary = summaryOf(outcomes)
  const { failed } = summary
  print(
    `${outcomes.length} runs, ${failed.length} broken, ${summary.accepted} writes accepted, slowest recovery ${summary.slowest_recovery_seconds} s`,
  )
  if (command.json) print(JSON.stringify(summary))
  return failed.length === 0 ? 0 : 1
}

const resultsFile = 'results.ndjson'

/** Each check reads all that is stored: with what 150 runs had left, it took longer than what was checked. Then a new stack is cheaper. */
const runsPerStack = 40

/** What is to run. @throws BadCommand */
function runsOf({ scenarios: names, seed, seeds }: Command): Run[] {
  for (const name of names)
    if (!scenarios.some((scenario) => scenario.name === name))
      throw new BadCommand(`there is no scenario '${name}': ${scenarios.map((one) => one.name).join(', ')}`)
  const chosen = scenarios
    .filter(({ name, onlyNamed }) => (names.length === 0 ? onlyNamed !== true : names.includes(name)))
    .filter(({ name, missing }) => {
      const why = missing?.()
      if (why !== undefined) say(`${name} is left out: ${why}`)
      return why === undefined
    })
  return seriesOf(chosen, seed, seeds)
}

/** Plays these runs, each the one number `at` of so many. */
async function playAll(
  stack: Stack,
  runs: (Run & { at: number })[],
  count: number,
  command: Command,
  folder: string,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  const options = optionsText(command)
  for (const { scenario, seed, at } of runs) {
    stopping.signal.throwIfAborted()
    say(`${at + 1}/${count}  ${scenario.name}: ${scenario.says}`)
    await stack.ready()
    const playing = { stack, scenario, seed, asked: command, folder, say, prefix: `r${at + 1}-` }
    const outcome = await play({ ...playing, outage_s: command.outage_s, signal: stopping.signal })
    outcomes.push(outcome)
    keepOutcome(join(folder, resultsFile), outcome)
    print(lineOf(outcome))
    if (isGreen(outcome)) continue
    stack.keepLogs(outcome.history.replace(/\.ndjson$/, '-logs'))
    print(brokenText(outcome, options))
  }
  return outcomes
}

async function withoutGuards({ only, seed, seeds, quick }: Command, folder: string): Promise<number> {
  const { signal } = stopping
  const asked = { quick, rate: undefined }
  const unnoticed = await runMutations({ only, seed, seeds, asked, folder, signal, say, print })
  print(unnoticed.length === 0 ? 'no guard can go unnoticed' : `${unnoticed.length} guards can go unnoticed`)
  return unnoticed.length === 0 ? 0 : 1
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
