import { parseArgs } from 'node:util'
import { type Profiled, profiles } from './profile.ts'

export const usage = `npm run bench -- [options]

Measures Ordermill beside its floors and what people would pick instead, on servers of its own, in turn and repeated.

  --case NAME     only this case; may be repeated (--list names them)
  --only ROW      only this row; may be repeated
  --quick         under three minutes in all, without the cases that take longer: for a look and for CI
  --rounds N      how often each row is measured
  --seconds N     how long each measurement under load takes
  --json          the last line is one JSON object: rows, ratios, bars
  --compare FILE  ratios against a saved run (what --json printed); fails if one is more than 20 % worse, and is so again when
                  its case is measured once more
  --worst FILE    measures nothing: the worst ratios of saved runs, as JSON to compare with; once for each run
  --profile NAME  a CPU profile under load, as a flame graph, instead of the cases: api (accepting), reads, searches, worker
  --list          the cases and their rows
  --help          this text

ORDERS_DATA names a folder with online_retail.orders.ndjson; without it a hundred orders kept here are used.
Results stay in .servers/bench: latest.json, latest.md.`

export type Command = {
  cases: string[]
  only: string[]
  quick: boolean
  rounds: number | undefined
  seconds: number | undefined
  json: boolean
  compare: string | undefined
  worst: string[]
  profile: Profiled | undefined
  list: boolean
  help: boolean
}

/** The command line was not understood; the message says what is wrong with it. */
export class BadCommand extends Error {}

/** Reads the command line. @throws BadCommand */
export function readCommand(args: string[]): Command {
  try {
    const { values } = parseArgs({
      args,
      options: {
        case: { type: 'string', multiple: true },
        only: { type: 'string', multiple: true },
        quick: { type: 'boolean', default: false },
        rounds: { type: 'string' },
        seconds: { type: 'string' },
        json: { type: 'boolean', default: false },
        compare: { type: 'string' },
        worst: { type: 'string', multiple: true },
        profile: { type: 'string' },
        list: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    })
    const { case: cases = [], only = [], worst = [], quick, json, compare, list, help } = values
    const profile = profiles.find((name) => name === values.profile)
    if (values.profile !== undefined && profile === undefined)
      throw new BadCommand(`--profile takes ${profiles.join(', ')}, not '${values.profile}'`)
    const rounds = whole('rounds', values.rounds, 100)
    const seconds = whole('seconds', values.seconds, 300)
    return { cases, only, quick, rounds, seconds, json, compare, worst, profile, list, help }
  } catch (thrown) {
    throw new BadCommand(thrown instanceof Error ? thrown.message : String(thrown))
  }
}

function whole(name: string, text: string | undefined, max: number): number | undefined {
  if (text === undefined) return undefined
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1 || value > max)
    throw new BadCommand(`--${name} takes a whole number from 1 to ${max}, not '${text}'`)
  return value
}
