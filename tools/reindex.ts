import { parseArgs } from 'node:util'
import { type AdminCall, callAdmin } from './admin-call.ts'

const help = `npm run reindex -- start [--accept-rejects]
npm run reindex -- status
npm run reindex -- cancel
npm run reindex -- rollback
npm run reindex -- drop

Builds the search index anew beside the one that serves, and puts it in its place; goes back to the one before; removes that. Talks to
the API at --api URL, else http://127.0.0.1:8080 (API_PORT), with ADMIN_TOKEN from the environment. --json prints answers as they came.`

const flag = { type: 'boolean' } as const
const options = { api: { type: 'string' }, 'accept-rejects': flag, json: flag, help: flag } as const

/** The call that a command stands for. @throws Error if there is none */
function callOf(command: string, accept_rejects: boolean): AdminCall {
  if (command === 'status') return { method: 'GET', path: '/reindex' }
  if (command === 'start') return { method: 'POST', path: '/reindex', body: { accept_rejects } }
  if (['cancel', 'rollback', 'drop'].includes(command)) return { method: 'POST', path: `/reindex/${command}`, body: {} }
  throw new Error(`there is no command ${command}: see --help`)
}

interface State {
  definition: string
  indices: { name: string; role: string; definition: string | null; differs: string[]; change_seq: number }[]
  job: { id: string; state: string; progress: Record<string, unknown> | null; error: string | null } | null
}

/** An answer for people. */
function inWords(command: string, answer: Record<string, unknown>): string {
  if (command !== 'status') return JSON.stringify(answer, null, 2)
  const { definition, indices, job } = answer as unknown as State
  const other = (of: string | null) => (of === definition ? '' : `  (of the definition ${of ?? '-'}: reindex)`)
  const lacking = (differs: string[]) => (differs.length === 0 ? '' : `  (differs in ${differs.join(', ')}: reindex)`)
  const lines = indices.map(
    ({ name, role, definition: of, differs, change_seq }) =>
      `${role}  ${name}  at change ${change_seq}${other(of)}${lacking(differs)}`,
  )
  if (job === null) return lines.join('\n')
  const said = Object.entries(job.progress ?? {}).map(([name, value]) => `${name} ${value}`)
  return [...lines, `job ${job.id}: ${[job.state, ...said, job.error ?? ''].filter(Boolean).join(', ')}`].join('\n')
}

async function main(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({ args, options, allowPositionals: true })
  const [command, ...rest] = positionals
  if (command === undefined || values.help === true) return console.log(help)
  if (rest.length > 0) throw new Error(`${command} takes nothing more`)
  const answer = await callAdmin(callOf(command, values['accept-rejects'] ?? false), values)
  console.log(values.json === true ? JSON.stringify(answer) : inWords(command, answer))
}

await main(process.argv.slice(2)).catch((thrown: unknown) => {
  console.error(thrown instanceof Error ? thrown.message : String(thrown))
  process.exitCode = 1
})
