import { BadData, toError, Unavailable } from '@ordermill/model'

/** What a failed statement means for who sent it: try again later, or never with this data. */
type Meaning = 'unavailable' | 'bad-data'

/**
 * SQLSTATE (whole, else its class) → what to do. Anything not listed is unavailable: kept and tried again, loudly.
 * Source: PostgreSQL, appendix A 'PostgreSQL Error Codes'.
 */
const meanings: Record<string, Meaning> = {
  '21': 'bad-data', // cardinality violation
  '22': 'bad-data', // data exception: out of range, invalid text, division by zero
  '23': 'bad-data', // integrity constraint violation
  '44': 'bad-data', // WITH CHECK OPTION violation
  '54': 'bad-data', // program limit exceeded: index row too large
  '08': 'unavailable', // connection exception
  '25': 'unavailable', // invalid transaction state: read-only, idle in transaction
  '40': 'unavailable', // transaction rollback: deadlock, serialization
  '42': 'unavailable', // schema is behind the program
  '53': 'unavailable', // insufficient resources: disk full, too many connections
  '55': 'unavailable', // object not in prerequisite state: lock not available
  '57': 'unavailable', // operator intervention: shutdown, statement timeout
  '58': 'unavailable', // system error
  XX: 'unavailable', // internal error
}

/** Whatever a statement failed with, as BadData or Unavailable with its SQLSTATE or errno as code. */
export function databaseFailure(thrown: unknown): BadData | Unavailable {
  if (thrown instanceof BadData || thrown instanceof Unavailable) return thrown
  const cause = toError(thrown)
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : ''
  const meaning = meanings[code] ?? meanings[code.slice(0, 2)]
  const isSqlState = /^[0-9A-Z]{5}$/.test(code)
  if (isSqlState && meaning === 'bad-data') return new BadData(`sql-${code}`, cause.message, { cause })
  return new Unavailable(code === '' ? 'database-away' : `database-${code}`, cause.message, { cause })
}
