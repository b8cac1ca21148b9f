import type { Options } from './options.ts'
import { describeOptions, type OptionRow } from './read.ts'

/** Every option for a terminal: its value, its default, its range and what it is for; `*` marks what is set. */
export function forTerminal(rows: OptionRow[]): string {
  const faults = rows.flatMap(({ fault }) => (fault === undefined ? [] : [fault]))
  const said = rows.map((row) => {
    const fallback = row.set && row.fallback !== '' ? `default ${row.fallback}; ` : ''
    return `${row.set ? '*' : ' '} ${row.name} = ${shown(row)}  (${fallback}${row.range})\n      ${row.about}`
  })
  const wrong = faults.length === 0 ? '' : `\n\nNot usable:\n${faults.map((fault) => `  ${fault}`).join('\n')}`
  return `* marks what is set; secrets are masked.\n\n${said.join('\n')}${wrong}\n`
}

function shown({ set, value, fallback }: OptionRow): string {
  if (!set && fallback === '') return '(nothing)'
  return value === '' ? '(empty)' : value
}

/** What `--help` of a service prints: that its environment is its configuration, and the options that it reads. */
export function helpOf(
  title: string,
  names: readonly (keyof Options)[],
  env: Record<string, string | undefined>,
): string {
  const rows = describeOptions(env).filter(({ name }) => (names as readonly string[]).includes(name))
  return `${title}. It takes no arguments: its options are read from its environment.\n\n${forTerminal(rows)}`
}
