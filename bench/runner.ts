import type { Case, OpenRow, Row } from './cases/case.ts'
import { type RowResult, rowOf, type Sample } from './results.ts'
import type { Settings } from './settings.ts'
import type { Stage } from './stage.ts'

/** What is to run: the rows of each case that were chosen, in the order of the cases. */
export interface Chosen {
  of: Case
  rows: Row[]
}

/**
 * The rows that were asked for, and those that they build on.
 * @throws Error if there is no such case or row
 */
export function choose(all: Case[], names: string[], only: string[]): Chosen[] {
  for (const name of names)
    if (!all.some((one) => one.name === name))
      throw new Error(`there is no case '${name}': ${all.map((one) => one.name).join(', ')}`)
  const asked = all.filter(({ name }) => names.length === 0 || names.includes(name))
  const short = (row: Row) => row.id.slice(row.id.indexOf('/') + 1)
  for (const name of only)
    if (!asked.some(({ rows }) => rows.some((row) => short(row) === name || row.id === name)))
      throw new Error(`there is no row '${name}' in ${asked.map((one) => one.name).join(', ')}`)
  const isAsked = (row: Row) => only.length === 0 || only.includes(short(row)) || only.includes(row.id)
  const wanted = new Set(asked.flatMap(({ rows }) => rows.filter(isAsked).map(({ id }) => id)))
  const byId = new Map(all.flatMap((of) => of.rows.map((row) => [row.id, of] as const)))
  for (const id of [...wanted]) for (const need of byId.get(id)?.needs ?? []) wanted.add(need)
  return all.flatMap((of) => {
    const rows = of.rows.filter(({ id }) => wanted.has(id))
    return rows.length === 0 ? [] : [{ of, rows }]
  })
}

/** Measures the rows of a case in turn, round by round: A B C A B C, so that what drifts strikes all of them. */
export async function runCase({ of, rows }: Chosen, stage: Stage): Promise<RowResult[]> {
  const rounds = of.rounds(stage.settings)
  stage.say(`${of.title}: ${rows.length} rows, ${rounds} rounds`)
  const open: { row: Row; opened: OpenRow; samples: Sample[] }[] = []
  try {
    await stage.stores.clear()
    for (const row of rows) {
      stage.signal.throwIfAborted()
      open.push({ row, opened: await row.open(stage), samples: [] })
    }
    for (let round = 1; round <= rounds; round += 1)
      for (const { row, opened, samples } of open) {
        stage.signal.throwIfAborted()
        const sample = await opened.measure()
        samples.push(sample)
        stage.say(`  ${round}/${rounds}  ${row.title.padEnd(46)} ${inBrief(sample)}`)
      }
  } finally {
    await Promise.allSettled(open.map(({ opened }) => opened.close()))
  }
  return open.map(({ row, samples }) => rowOf(row.id, row, samples))
}

const inBrief = ({ rate = Number.NaN, p99_ms }: Sample): string =>
  `${Math.round(rate).toLocaleString('en').padStart(8)}/s${p99_ms === undefined ? '' : `  p99 ${p99_ms.toFixed(1)} ms`}`

/** The settings of a run, with what the command line changes of them. */
export const settingsOf = (base: Settings, rounds: number | undefined, seconds: number | undefined): Settings => ({
  ...base,
  ...(rounds === undefined ? {} : { rounds, drain_rounds: rounds }),
  ...(seconds === undefined ? {} : { seconds }),
})
