import { parseArgs } from 'node:util'
import { type AdminCall, callAdmin } from './admin-call.ts'

const help = `npm run parked -- list [--code CODE] [--state STATE] [--limit N] [--before N]
npm run parked -- show N
npm run parked -- dry-run N
npm run parked -- replay N [--force]
npm run parked -- replay --all | --code CODE | --group FINGERPRINT [--force]
npm run parked -- discard N --reason WHY [--by WHO]

Looks at what was set aside, and replays or discards it. Talks to the API at --api URL, else http://127.0.0.1:8080 (API_PORT), with
ADMIN_TOKEN from the environment. --json prints answers as they came.`

const text = { type: 'string' } as const
const flag = { type: 'boolean' } as const
const options = {
  api: text,
  code: text,
  state: text,
  limit: text,
  before: text,
  group: text,
  reason: text,
  by: text,
  force: flag,
  all: flag,
  json: flag,
  help: flag,
}
type Given = ReturnType<typeof read>['values']
const read = (args: string[]) => parseArgs({ args, options, allowPositionals: true })

/** The call that a command stands for. @throws Error that says what is missing */
function callOf(command: string, n: string | undefined, given: Given): AdminCall {
  const one = () => {
    if (n === undefined || !/^[1-9]\d{0,14}$/.test(n)) throw new Error(`${command} takes the number of a record`)
    return `/${n}`
  }
  if (command === 'list') return { method: 'GET', path: queryOf(given) }
  if (command === 'show') return { method: 'GET', path: one() }
  if (command === 'dry-run') return { method: 'POST', path: `${one()}/dry-run` }
  if (command === 'discard') {
    if (given.reason === undefined) throw new Error('discard takes --reason')
    const by = given.by === undefined ? {} : { by: given.by }
    return { method: 'POST', path: `${one()}/discard`, body: { reason: given.reason, ...by } }
  }
  if (command !== 'replay') throw new Error(`there is no command ${command}: see --help`)
  const force = given.force ?? false
  if (n !== undefined) return { method: 'POST', path: `${one()}/replay`, body: { force } }
  const { code, group: fingerprint, all } = given
  if (code === undefined && fingerprint === undefined && all !== true)
    throw new Error('replay takes the number of a record, or --code, --group or --all')
  return { method: 'POST', path: '/replay', body: { code, fingerprint, force } }
}

function queryOf({ code, state, limit, before }: Given): string {
  const asked = Object.entries({ code, state, limit, before }).filter(([, value]) => value !== undefined)
  const query = new URLSearchParams(Object.fromEntries(asked as [string, string][])).toString()
  return query === '' ? '' : `?${query}`
}

interface Page {
  groups: { code: string; fingerprint: string; reason: string; count: number; oldest: string }[]
  parked: Record<string, unknown>[]
}

/** An answer for people. */
function inWords(command: string, answer: Record<string, unknown>): string {
  if (command !== 'list') return JSON.stringify(answer, null, 2)
  const { groups, parked } = answer as unknown as Page
  if (groups.length === 0) return 'nothing is parked'
  return [
    ...groups.map((one) => `${one.count} × ${one.code} (${one.fingerprint}), oldest ${one.oldest}: ${one.reason}`),
    '',
    ...parked.map(({ n, id, version, code, attempts, last_parked_at }) =>
      [n, last_parked_at, code, `${id ?? '-'}:${version ?? '-'}`, `${attempts}×`].join('  '),
    ),
  ].join('\n')
}

async function main(args: string[]): Promise<void> {
  const { values, positionals } = read(args)
  const [command, n, ...rest] = positionals
  if (command === undefined || values.help === true) return console.log(help)
  if (rest.length > 0) throw new Error(`${command} takes one number`)
  const call = callOf(command, n, values)
  const answer = await callAdmin({ ...call, path: `/parked${call.path}` }, values)
  console.log(values.json === true ? JSON.stringify(answer) : inWords(command, answer))
}

await main(process.argv.slice(2)).catch((thrown: unknown) => {
  console.error(thrown instanceof Error ? thrown.message : String(thrown))
  process.exitCode = 1
})
