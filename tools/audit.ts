import { parseArgs } from 'node:util'
import { callAdmin, jobEnded } from './admin-call.ts'

const help = `npm run audit [-- --dry-run]

Holds search index and cache against the database, waits for the end, and prints what was found and repaired. --dry-run only counts.
Exits with 1 if something is left. Talks to the API at --api URL, else http://127.0.0.1:8080 (API_PORT), with ADMIN_TOKEN from the
environment.`

async function main(args: string[]): Promise<void> {
  const options = { api: { type: 'string' }, 'dry-run': { type: 'boolean' }, help: { type: 'boolean' } } as const
  const { values } = parseArgs({ args, options })
  if (values.help === true) return console.log(help)
  const repair = values['dry-run'] !== true
  const call = { method: 'POST', path: '/audit', body: { repair } } as const
  const result = await jobEnded(await callAdmin(call, values), values)
  console.log(JSON.stringify(result, null, 2))
  if (repair && result['left'] !== 0) process.exitCode = 1
}

await main(process.argv.slice(2)).catch((thrown: unknown) => {
  console.error(thrown instanceof Error ? thrown.message : String(thrown))
  process.exitCode = 1
})
