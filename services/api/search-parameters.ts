import { type Collection, type Condition, Invalid } from '@ordermill/model'
import { type Asked, readQuery, simpleQuery } from '@ordermill/search'
import { InvalidParameters, wrong } from './parameters.ts'

/** The search by one box, as parameters of a URL. */
export interface SearchParameters {
  q: string
  status?: string
  from?: string
  to?: string
  min_amount?: number
  max_amount?: number
  sort?: string
  limit?: number
  page?: number
  cursor?: string
  facets?: string
}

/** The fields of a collection that parameters narrow down by. */
export interface Narrowing {
  time: string
  money: string
}

/**
 * Reads them as the query that they stand for, so that the rules are those of queries.
 * @throws InvalidParameters with every fault
 */
export async function readSearch(c: Collection, { time, money }: Narrowing, sent: SearchParameters): Promise<Asked> {
  const { q, status, from, to, min_amount, max_amount, sort, limit, page, cursor, facets } = sent
  const range = (field: string, bounds: object) => (Object.keys(bounds).length === 0 ? {} : { [field]: bounds })
  const ranges = {
    ...range(time, { ...(from !== undefined && { gte: from }), ...(to !== undefined && { lt: to }) }),
    ...range(money, {
      ...(min_amount !== undefined && { gte: min_amount }),
      ...(max_amount !== undefined && { lte: max_amount }),
    }),
  }
  const body = {
    where: {
      ...(status !== undefined && { keyword_match: { must: { status } } }),
      ...(Object.keys(ranges).length > 0 && { range_query: { must: ranges } }),
    },
    ...(sort !== undefined && { order_by: sort.split(',').map(sortOf) }),
    ...(limit !== undefined && { limit }),
    ...(page !== undefined && { page }),
    ...(cursor !== undefined && { cursor: cursor === 'true' ? true : cursor }),
    ...(facets !== undefined && { facets: facets.split(',') }),
  }
  const simple = simpleQuery(c, q)
  if (simple === undefined) throw wrong('q', 'words', 'must have fewer words')
  const asked = await asParameters({ time, money }, () => readQuery(c, body))
  const where: Condition = { kind: 'all', of: [simple, asked.query.where] }
  return { ...asked, query: { ...asked.query, where, sort: sort === undefined ? [] : asked.query.sort } }
}

/** Tells the faults of a query as faults of the parameters that it was made of. */
export async function asParameters<T>({ time, money }: Narrowing, read: () => T | Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (thrown) {
    if (!(thrown instanceof Invalid)) throw thrown
    const ranges = '/where/range_query/must'
    const names: Record<string, string> = {
      '/where/keyword_match/must/status': 'status',
      [`${ranges}/${time}/gte`]: 'from',
      [`${ranges}/${time}/lt`]: 'to',
      [`${ranges}/${money}/gte`]: 'min_amount',
      [`${ranges}/${money}/lte`]: 'max_amount',
    }
    const lists: Record<string, string> = { order_by: 'sort', facets: 'facets' }
    const nameOf = (pointer: string) => names[pointer] ?? lists[pointer.split('/')[1] ?? ''] ?? pointer.slice(1)
    throw new InvalidParameters(
      thrown.faults.map(({ pointer, code, detail }) => ({ parameter: nameOf(pointer), code, detail })),
    )
  }
}

const sortOf = (text: string) =>
  text.startsWith('-') ? { order_by: text.slice(1), order_direction: 'desc' } : { order_by: text }
