import type { CleanCopies, CleanCopy } from '@ordermill/cache'
import type { Change, RowsInOrder } from '@ordermill/database'
import { hashOf } from '@ordermill/model'
import { pause } from './waiting.ts'

interface CacheAuditParts {
  copies: CleanCopies
  rows: RowsInOrder
}

/** After a commit the copies that it has made old are settled: within this time, in milliseconds. */
const settled_ms = 1_000

/** What came of looking through clean copies. */
export interface CacheAudited {
  checked: number
  different: number
  removed: number
}

/**
 * Holds clean copies against Postgres, some at a time, and takes those away that differ from the row of the same or a later version, and
 * still do after what is being settled has been. A copy of a version that Postgres does not have yet is left alone.
 * @throws Unavailable
 */
export async function* auditCache(
  { copies, rows }: CacheAuditParts,
  { repair }: { repair: boolean },
  signal: AbortSignal,
): AsyncGenerator<CacheAudited> {
  const differing = async (some: CleanCopy[]): Promise<CleanCopy[]> => {
    const standing = new Map((await rows.read(some.map(({ id }) => id))).map((row) => [row.id, row]))
    return some.filter((copy) => differs(copy, standing.get(copy.id)))
  }
  for await (const page of copies.pages()) {
    if (signal.aborted) return
    const first = await differing(page)
    if (first.length > 0) await pause(settled_ms, signal)
    const different = first.length === 0 ? [] : await differing(await copies.read(first.map(({ id }) => id)))
    yield {
      checked: page.length,
      different: different.length,
      removed: repair ? await copies.remove(different) : 0,
    }
  }
}

function differs({ version, hash, actual }: CleanCopy, row: Change | undefined): boolean {
  if (row === undefined || row.version < version) return false
  return row.version > version || row.hash !== hash || hashOf(row.text, row.parent) !== actual
}
