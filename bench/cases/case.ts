import type { ServerName } from '@ordermill/servers'
import type { Kind, RowResult, Sample } from '../results.ts'
import type { Settings } from '../settings.ts'
import type { Stage } from '../stage.ts'

/** A row that is ready to be measured: its processes run and are warm. */
export interface OpenRow {
  measure(): Promise<Sample>
  close(): Promise<void>
}

export interface Row {
  /** `<case>/<row>`: ratios and bars name rows by it. */
  id: string
  title: string
  kind: Kind
  /** Whether a quick run has it only where its case is asked for by name. */
  long?: boolean
  open(stage: Stage): Promise<OpenRow>
}

/** What is measured in turn: product, floors and what people would pick instead, side by side. */
export interface Case {
  name: string
  title: string
  servers: readonly ServerName[]
  rows: Row[]
  /** Rows of other cases that this one builds on. */
  needs?: string[]
  /** Whether it takes minutes even when it is small: a quick run has it only where it is asked for by name. */
  long?: boolean
  /** How often each row is measured. */
  rounds(settings: Settings): number
  /** Rows that follow from what was measured. */
  derive?(rows: RowResult[]): RowResult[]
}
