import type { Table } from '@ordermill/database'

/** So long after the last batch the next one may be on its way. */
const pause_ms = 50

/** A table, and whether anybody writes to it just now: who can wait then works less. */
export function watchWrites(table: Table): { table: Table; isWritten(): boolean } {
  let writing = 0
  let endedAt = Number.NEGATIVE_INFINITY
  return {
    isWritten: () => writing > 0 || performance.now() - endedAt < pause_ms,
    table: {
      ...table,
      async apply(...parts) {
        writing += 1
        try {
          return await table.apply(...parts)
        } finally {
          writing -= 1
          endedAt = performance.now()
        }
      },
    },
  }
}
