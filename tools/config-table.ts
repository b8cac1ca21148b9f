import type { OptionRow } from '@ordermill/config'

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

/** The table of options for the docs: the same whatever is set. */
export function forMarkdown(rows: OptionRow[]): string {
  const cells = rows.map(({ name, fallbacks: { production, otherwise }, range, about }) => [
    `\`${name}\``,
    defaultOf(otherwise),
    production === otherwise ? '' : defaultOf(production),
    range,
    about,
  ])
  const lines = [['Option', 'Default', 'In production', 'Takes', 'What it is for'], Array(5).fill('---'), ...cells]
  return `${lines.map((line) => `| ${line.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`).join('\n')}\n`
}

const defaultOf = (text: string | undefined): string =>
  text === undefined ? 'required' : text === '' ? 'empty' : `\`${text}\``
