import type { Statement } from './database.ts'

/** A comment that joins a statement to the request that caused it: read in pg_stat_activity and in the server's log. */
export function sqlComment(correlationId: string | undefined): string {
  if (correlationId === undefined) return ''
  return ` /* correlation_id=${correlationId.slice(0, 128).replace(/[^\w.:-]/g, '_')} */`
}

/** A statement with the comment of who asks. It is prepared no more: its text is another every time. */
export const commented = (statement: Statement, correlationId: string | undefined): Statement =>
  correlationId === undefined
    ? statement
    : withoutName({ ...statement, text: statement.text + sqlComment(correlationId) })

const withoutName = ({ name: _, ...statement }: Statement): Statement => statement
