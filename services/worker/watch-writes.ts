import type { Table } from '@ordermill/database'
import type { Writes } from './yielding.ts'

/** So long after the last batch the next one may be on its way, in milliseconds. */
const pause_ms = 50

/** A table, and how much is being written to it just now: who can wait then works less. @param full versions in a full batch */
export function watchWrites(table: Table, full: number): { table: Table; writes(): Writes } {
  let writing = 0
  let endedAt = Number.NEGATIVE_INFINITY
  let versions = 0
  return {
    writes() {
      if (writing === 0 && performance.now() - endedAt >= pause_ms) return 'none'
      return versions >= full ? 'full' : 'some'
    },
    table: {
      ...table,
      async apply(chains, ...rest) {
        writing += 1
        versions = chains.reduce((sum, chain) => sum + chain.length, 0)
        try {
          return await table.apply(chains, ...rest)
        } finally {
          writing -= 1
          endedAt = performance.now()
        }
      },
    },
  }
}
