import { BadData, Doubtful, toError, Unavailable } from '@ordermill/model'

/**
 * What a failed statement means for who sent it.
 * | meaning     | is                                                              | what is done                                |
 * | bad-data    | Postgres will never take it                                     | halved until it is alone, parked            |
 * | unavailable | the server, the network or somebody else: never the data's doing | kept, tried again for as long as it takes   |
 * | doubtful    | the server's doing, or that of one record: a trigger that raises or hangs, a broken page | tried again; it is the record if a probe passes beside it each time |
 * | behind      | the schema is older than the program                            | as doubtful, and said loudly                |
 * A record of a newer type than this program reads never comes as far as a statement: it is told by the type of its message.
 */
export type Meaning = 'bad-data' | 'unavailable' | 'doubtful' | 'behind'

/**
 * SQLSTATE (whole, else its class) or errno → meaning. An SQLSTATE that is not listed is doubtful: functions and extensions raise
 * what they like. Anything else is unavailable.
 * Sources: PostgreSQL, appendix A 'PostgreSQL Error Codes'; errno(3).
 */
export const meanings: Readonly<Record<string, Meaning>> = {
  '08': 'unavailable', // connection exception
  '21': 'bad-data', // cardinality violation
  '22': 'bad-data', // data exception: out of range, invalid text, division by zero
  '23': 'bad-data', // integrity constraint violation
  '25': 'unavailable', // invalid transaction state: read-only, idle in transaction
  '26': 'unavailable', // a prepared statement that is gone: a pooler in between
  '28': 'unavailable', // invalid authorization
  '2D': 'unavailable', // invalid transaction termination
  '3D': 'unavailable', // the database does not exist
  '3F': 'behind', // the schema does not exist
  '40': 'unavailable', // transaction rollback: deadlock, serialization
  '42': 'behind', // a table, column or function is missing, or may not be used
  '44': 'bad-data', // WITH CHECK OPTION violation
  '53': 'unavailable', // insufficient resources: disk full, out of memory, too many connections
  '54': 'bad-data', // program limit exceeded: index row too large
  '55': 'unavailable', // object not in prerequisite state: lock not available
  '57': 'unavailable', // operator intervention: shutdown, cannot connect now
  '57014': 'doubtful', // query canceled: the statement timeout
  '58': 'unavailable', // system error: I/O
  F0: 'unavailable', // configuration file
  HV: 'doubtful', // foreign data wrapper
  P0: 'doubtful', // raised by a function
  XX: 'doubtful', // internal error, data or index corrupted
  ECONNREFUSED: 'unavailable',
  ECONNRESET: 'unavailable',
  EHOSTUNREACH: 'unavailable',
  ENETUNREACH: 'unavailable',
  ENOTFOUND: 'unavailable',
  EAI_AGAIN: 'unavailable',
  EPIPE: 'unavailable',
  ETIMEDOUT: 'unavailable',
}

const isSqlState = (code: string) => /^[0-9A-Z]{5}$/.test(code) && !/^E[A-Z]{4}$/.test(code) // EPIPE has five letters as well

/** What a SQLSTATE or errno means. */
export const meaningOf = (code: string): Meaning =>
  meanings[code] ?? (isSqlState(code) ? (meanings[code.slice(0, 2)] ?? 'doubtful') : 'unavailable')

/** Whatever a statement failed with, as BadData, Unavailable or Doubtful, with its SQLSTATE or errno as code. */
export function databaseFailure(thrown: unknown): BadData | Unavailable {
  if (thrown instanceof BadData || thrown instanceof Unavailable) return thrown
  const cause = toError(thrown)
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : ''
  const meaning = meaningOf(code)
  if (meaning === 'bad-data') return new BadData(`sql-${code}`, cause.message, { cause })
  const name = code === '' ? 'database-away' : `database-${code}`
  if (meaning === 'behind')
    return new Doubtful(name, `the schema is not the one this version needs: ${cause.message}`, { cause })
  return new (meaning === 'doubtful' ? Doubtful : Unavailable)(name, cause.message, { cause })
}
