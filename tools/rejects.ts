import { parseArgs } from 'node:util'
import { type AdminCall, callAdmin } from './admin-call.ts'

const help = `npm run rejects -- list [--id ID] [--limit N] [--before N]
npm run rejects -- retry ID
npm run rejects -- retry --all

Looks at documents that the search engine did not take, and has them tried again. Talks to the API at --api URL, else
http://127.0.0.1:8080 (API_PORT), with ADMIN_TOKEN from the environment. --json prints answers as they came.`

const text = { type: 'string' } as const
const flag = { type: 'boolean' } as const
const options = { api: text, id: text, limit: text, before: text, all: flag, json: flag, help: flag }
const path = '/search/rejects'

/** The call that a command stands for. @throws Error that says what is missing */
function callOf(
  command: string,
  id: string | undefined,
  given: { all?: boolean } & Record<'id' | 'limit' | 'before', string | undefined>,
): AdminCall {
  if (command === 'list') {
    const { id: of, limit, before } = given
    const asked = Object.entries({ id: of, limit, before }).filter(([, value]) => value !== undefined)
    return { method: 'GET', path: `${path}?${new URLSearchParams(asked as [string, string][])}` }
  }
  if (command !== 'retry') throw new Error(`there is no command ${command}: see --help`)
  if (id !== undefined) return { method: 'POST', path: `${path}/${encodeURIComponent(id)}/retry`, body: {} }
  if (given.all !== true) throw new Error('retry takes the id of a record, or --all')
  return { method: 'POST', path: `${path}/retry`, body: {} }
}

/** An answer for people. */
function inWords(command: string, answer: Record<string, unknown>): string {
  if (command !== 'list') return JSON.stringify(answer, null, 2)
  const { count, rejects } = answer as { count: number; rejects: Record<string, unknown>[] }
  if (count === 0) return 'nothing is rejected'
  const lines = rejects.map(({ n, id, version, change_seq, index, attempts, reason }) =>
    [n, `${id}:${version ?? '-'}`, change_seq, index, `${attempts}×`, reason].join('  '),
  )
  return [`${count} in all`, ...lines].join('\n')
}

async function main(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({ args, options, allowPositionals: true })
  const [command, id, ...rest] = positionals
  if (command === undefined || values.help === true) return console.log(help)
  if (rest.length > 0) throw new Error(`${command} takes one id`)
  const { id: of, limit, before, all = false } = values
  const answer = await callAdmin(callOf(command, id, { id: of, limit, before, all }), values)
  console.log(values.json === true ? JSON.stringify(answer) : inWords(command, answer))
}

await main(process.argv.slice(2)).catch((thrown: unknown) => {
  console.error(thrown instanceof Error ? thrown.message : String(thrown))
  process.exitCode = 1
})
