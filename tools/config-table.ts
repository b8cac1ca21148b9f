import type { OptionRow } from '@ordermill/config'

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
