/** The statuses of a collection and the steps between them; the first one named is where a record starts. */
export interface Steps {
  first: string
  all: string[]
  /** Whether a record may go from one status to the other in one step. */
  allows(from: string, to: string): boolean
  /** Where a record may go from here. */
  after(from: string): string[]
}

/** Declares statuses by the steps that lead out of each: `{ placed: ['confirmed', 'cancelled'] }`. */
export function steps(table: Record<string, string[]>): Steps {
  const leads = new Map(Object.entries(table))
  const all = [...new Set(Object.entries(table).flatMap(([from, to]) => [from, ...to]))]
  const first = all[0]
  if (first === undefined) throw new Error('a collection needs at least one status')
  return {
    first,
    all,
    allows: (from, to) => leads.get(from)?.includes(to) ?? false,
    after: (from) => leads.get(from) ?? [],
  }
}
