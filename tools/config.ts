import { describeOptions, environment, forTerminal } from '@ordermill/config'
import { forMarkdown } from './config-table.ts'

// `npm run config`: every option there is, and what it would be now; `--markdown` prints the table of the docs.
const env = environment()
const rows = describeOptions(env)
if (process.argv.includes('--markdown')) {
  process.stdout.write(forMarkdown(rows))
} else {
  process.stdout.write(forTerminal(rows))
  if (rows.some(({ fault }) => fault !== undefined)) process.exitCode = 1
}
