import { parseArgs } from 'node:util'

export const usage = `npm run chaos -- [options]

Breaks real servers and real processes of its own under load, heals them, waits until all is quiet, and checks every promise:
what clients were told against Postgres, Elasticsearch, Redis, the ledger of parked records and the accounting.

  --scenario NAME  only this scenario; may be repeated (--list names them)
  --seed N         seed of the load and of the moment of each fault (1)
  --seeds N        each scenario with N seeds in a row, from --seed on
  --for SECONDS    how long what is broken stays broken, where a scenario has a length (1 to 3600)
  --rate N         operations a second (150 unless a scenario says otherwise; 1 to 20000), with clients to match
  --quick          a smaller load and shorter outages: for a look and for CI
  --resume         go on after the last scenario and seed of this series that the results file says was finished; those before
                   are counted as they stand there
  --mutations      takes the product's guards out one by one, in the memory of the services, and plays the scenario that has to
                   notice it, with up to --seeds seeds (3): exit code 1 if one goes unnoticed
  --only WORDS     only guards in whose description the words stand
  --json           the last line is one JSON object: scenarios, seeds, accepted, lost, unexpected, duplicates_applied, parked,
                   open, slowest_recovery_seconds, failed
  --report         what the results file says, scenario by scenario, as a table in Markdown: of each seed its last run
  --list           the scenarios
  --help           this text

Servers (Redis, RabbitMQ, Postgres, Elasticsearch), an API and two workers are started under .servers/chaos-<pid> and removed again,
with the default options but for what a scenario is about; the stack is used from scenario to scenario. Scenarios on clusters come last,
on another stack: three nodes of RabbitMQ, six of Redis. Results are kept in .servers/chaos/results.ndjson, one line a run, histories in
.servers/chaos/history-<scenario>-<seed>.ndjson: each call with what it asked, when, and its answer or none. Exit code 1 when a
promise is broken: it is printed with the command that runs it again, and the logs of the services are kept beside the history.

  I1   what was answered 200, 201 or 202 is persisted, superseded by what was built on it, or parked with its reason; what was
       refused (503 \`outcome-open\` and no answer aside) never turns up
  I2   nothing turns up that nobody asked for
  I3   an Idempotency-Key has one effect, a bulk all or none
  I4   versions never go back, and each is built on the one before it
  I5   search equals Postgres: ids, versions, contents
  I6   nothing is dirty, cached copies equal Postgres, and clients read their own writes
  I7   the accounting adds up exactly, and what is parked is what was sent, to the byte
  I8   memory stays bounded, nothing dies by itself, overload is answered 429 or 503 with Retry-After
  I9   all is quiet within 30 s of the healing, or of the end of the load if that is later
  I10  the view equals a recount, and no two refreshes overlap`

export interface Command {
  scenarios: string[]
  seed: number
  seeds: number
  outage_s: number | undefined
  rate: number | undefined
  quick: boolean
  mutations: boolean
  only: string
  resume: boolean
  json: boolean
  report: boolean
  list: boolean
  help: boolean
}

/** The command line was not understood; the message says what is wrong with it. */
export class BadCommand extends Error {}

/** Reads the command line. @throws BadCommand */
export function readCommand(args: string[]): Command {
  const flag = { type: 'boolean', default: false } as const
  const text = { type: 'string' } as const
  const options = {
    scenario: { type: 'string', multiple: true },
    ...{ seed: text, seeds: text, for: text, rate: text },
    ...{
      mutations: flag,
      only: { type: 'string', default: '' } as const,
      quick: flag,
      resume: flag,
      json: flag,
      report: flag,
      list: flag,
      help: flag,
    },
  } as const
  try {
    const { values } = parseArgs({ args, options })
    const { scenario: scenarios = [], quick, mutations, only, resume, json, report, list, help } = values
    const seed = whole('seed', values.seed, 2 ** 31) ?? 1
    const seeds = whole('seeds', values.seeds, 1_000) ?? (mutations ? 3 : 1)
    const [outage_s, rate] = [whole('for', values.for, 3_600), whole('rate', values.rate, 20_000)]
    return { scenarios, seed, seeds, outage_s, rate, quick, mutations, only, resume, json, report, list, help }
  } catch (thrown) {
    throw new BadCommand(thrown instanceof Error ? thrown.message : String(thrown))
  }
}

/** What else was asked for than scenario and seed, as it is written. */
export function optionsText({ outage_s, rate, quick }: Command): string {
  const named = Object.entries({ for: outage_s, rate }).map(([name, value]) =>
    value === undefined ? '' : ` --${name} ${value}`,
  )
  return `${named.join('')}${quick ? ' --quick' : ''}`
}

function whole(name: string, text: string | undefined, max: number): number | undefined {
  if (text === undefined) return undefined
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1 || value > max)
    throw new BadCommand(`--${name} takes a whole number from 1 to ${max}, not '${text}'`)
  return value
}
