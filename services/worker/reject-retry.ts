import { createRowsInOrder, type Database, forgetGone, rejectsInOrder, renumber } from '@ordermill/database'
import { type Collection, Unavailable } from '@ordermill/model'
import type { JobHandler } from './jobs.ts'

interface RejectRetryParts {
  collection: Collection
  database: Database
  /** How many are taken at a time. */
  page?: number
}

/**
 * The job that has the search engine asked once more about what it did not take: the records get a new change number each, versions stay
 * as they are. What it takes now leaves the list; a record that is there no more leaves it at once.
 */
export function createRejectRetry({ collection, database, page = 500 }: RejectRetryParts): JobHandler {
  const stored = createRowsInOrder(database, collection)
  return async ({ arguments: { id, up_to }, signal, report }) => {
    const selection = { id: id as string | undefined, upTo: Number(up_to), limit: page }
    const done = { retried: 0, gone: 0 }
    for (let after = 0; ; ) {
      const rejects = await rejectsInOrder(database, collection, { ...selection, after })
      const ids = [...new Set(rejects.map((one) => one.id))]
      const rows = await stored.read(ids)
      done.retried += await renumber(database, collection, rows)
      if (rows.length < ids.length) await forgetGone(database, collection, ids)
      done.gone += ids.length - rows.length
      after = rejects.at(-1)?.n ?? after
      if (rejects.length < page) return done
      if (signal.aborted || !(await report(done))) throw new Unavailable('stopping', 'The retry was stopped.')
    }
  }
}
