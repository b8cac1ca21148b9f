import type { Comparison } from './compare.ts'
import type { Bar, Machine, Results, RowResult } from './results.ts'
import type { Summary } from './statistics.ts'

/** A table of cells: lined up for a terminal, or with bars for Markdown. */
type Cells = string[][]

const percent = (share: number): string => `± ${(share * 100).toFixed(0)} %`
const number = (value: number): string =>
  Number.isNaN(value)
    ? '–'
    : value.toLocaleString('en', { maximumFractionDigits: value < 10 ? 2 : value < 100 ? 1 : 0 })
const cell = (summary: Summary | undefined): string => (summary === undefined ? '' : number(summary.median))

const barsWidth = 20
/** A bar of blocks as long as a share of the longest. */
const block = (share: number): string => '█'.repeat(Math.max(1, Math.round(Math.min(1, share) * barsWidth)))

/** Rows of one case: rate with its spread, a bar, latencies, memory, what CPU 1,000 of them cost and who used it. */
function rowCells(rows: RowResult[], stress: (text: string) => string): Cells {
  const fastest = Math.max(...rows.map(({ metrics }) => metrics['rate']?.median ?? 0))
  const lines = rows.map(({ title, kind, metrics }) => {
    const { rate, p50_ms, p99_ms } = metrics
    const memory = metrics['rss.api'] ?? metrics['rss.worker'] ?? metrics['rss.floor']
    return [
      kind === 'product' ? stress(title) : title,
      rate === undefined ? '' : `${number(rate.median)} ${percent(rate.spread)}`,
      rate === undefined ? '' : block(rate.median / fastest),
      [p50_ms, p99_ms].some((one) => one !== undefined) ? `${cell(p50_ms)} / ${cell(p99_ms)}` : '',
      cell(metrics['loop_p99_ms']),
      cell(memory),
      cell(metrics['cpu.sum']),
      whoUsed(metrics),
    ]
  })
  return [['', 'per second', '', 'p50 / p99 ms', 'loop p99 ms', 'MB', 'CPU s per 1,000', 'of that'], ...lines]
}

const short: Record<string, string> = { postgres: 'pg', redis: 'redis', rabbitmq: 'rabbit', elasticsearch: 'es' }

function whoUsed(metrics: RowResult['metrics']): string {
  const sum = metrics['cpu.sum']?.median ?? 0
  return Object.entries(metrics)
    .filter(([name]) => name.startsWith('cpu.') && name !== 'cpu.sum')
    .map(([name, { median }]) => ({ name: name.slice(4), share: median / sum }))
    .filter(({ share }) => share >= 0.02)
    .sort((a, b) => b.share - a.share)
    .map(({ name, share }) => `${short[name] ?? name} ${Math.round(share * 100)} %`)
    .join(', ')
}

/** Figures beyond rate and latency of the answer: those of single cases. */
const shown =
  /^(persisted|searchable|accept)_p\d+_ms$|^seconds_per_100k$|^(indexed|verified)_rate$|^reindex_s$|^offered$|^worst_p95_ms$|^slowest_ms$|^(search|read|list)_(p50_ms|cpu)$|^refresh_ms$/

function extraCells(rows: RowResult[]): Cells {
  return rows.flatMap(({ title, metrics }) =>
    Object.entries(metrics)
      .filter(([name]) => shown.test(name))
      .map(([name, { median, spread }]) => [title, name.replaceAll('_', ' '), number(median), percent(spread)]),
  )
}

const ratioCells = ({ ratios }: Results): Cells => [
  ['ratio', 'value', ''],
  ...ratios.map(({ name, value, spread, better }) => [
    name,
    `${value.toFixed(2)} ${percent(spread)}`,
    better === 'lower' ? 'lower is better' : '',
  ]),
]

const barCells = (bars: Bar[]): Cells => [
  ['bar', 'found', 'asked', ''],
  ...bars.map(({ name, value, at_least, at_most, holds }) => [
    name,
    number(value),
    at_least === undefined ? `≤ ${at_most}` : `≥ ${at_least}`,
    holds ? 'holds' : 'FAILS',
  ]),
]

/** The page of a run, in Markdown. `titles` names the cases. */
export function page(
  results: Results,
  titles: Record<string, string>,
  stress = (text: string) => `**${text}**`,
): string {
  const cases = [...new Set(results.rows.map(({ id }) => id.slice(0, id.indexOf('/'))))]
  const sections = cases.map((name) => {
    const rows = results.rows.filter(({ id }) => id.startsWith(`${name}/`))
    const extra = extraCells(rows)
    const more = extra.length === 0 ? '' : `\n${markdown([['', 'figure', 'median', 'spread'], ...extra])}`
    return `### ${titles[name] ?? name}\n\n${markdown(rowCells(rows, stress))}${more}`
  })
  return [
    `${about(results.machine)}\n`,
    `### Ratios\n\n${markdown(ratioCells(results))}`,
    `### Bars\n\n${markdown(barCells(results.bars))}`,
    ...sections,
    ...(results.notes.length === 0 ? [] : [`${results.notes.map((note) => `- ${note}`).join('\n')}\n`]),
  ].join('\n')
}

/** The same for a terminal. */
export const terminal = (results: Results, titles: Record<string, string>): string =>
  page(results, titles, (text) => text).replace(/^### /gm, '')

function about({ at, cpus, cpu_model, memory_gb, platform, node, load_before, load_after }: Machine): string {
  const busy =
    load_before > cpus / 2 ? ' Somebody else worked on this machine meanwhile: trust ratios, not figures.' : ''
  return `${at.slice(0, 16).replace('T', ' ')} UTC, ${cpus} cores (${cpu_model}), ${memory_gb} GB, ${platform}, Node ${node}; load before ${load_before.toFixed(1)}, after ${load_after.toFixed(1)}.${busy}`
}

function markdown(cells: Cells): string {
  const widths = (cells[0] ?? []).map((_, at) => Math.max(3, ...cells.map((line) => [...(line[at] ?? '')].length)))
  const pad = (text: string, at: number) => text + ' '.repeat((widths[at] ?? 0) - [...text].length)
  const lines = cells.map((line) => `| ${line.map(pad).join(' | ')} |`)
  lines.splice(1, 0, `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`)
  return `${lines.join('\n')}\n`
}

/** What a comparison found, one line a ratio. */
export const comparisonText = (found: Comparison[]): string =>
  found
    .map(({ name, before, now, change, fails }) => {
      const verdict = fails ? 'WORSE' : change < 1 ? 'within 20 %' : 'as good or better'
      return `${name.padEnd(44)} ${before.toFixed(2).padStart(7)} → ${now.toFixed(2).padStart(7)}  ${verdict}`
    })
    .join('\n')
