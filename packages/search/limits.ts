/** How much a query may ask for; counted before anything runs. */
export const limits = {
  size: 1_000,
  sorts: 4,
  clauses: 100,
  depth: 5,
  values: 100,
  words: 32,
  /** Words that stand for others: beginnings and misspelt ones. */
  expansions: 64,
  characters: 500,
  slop: 10,
  facets: 10,
  facetValues: 100,
  contains: 100,
  ranges: 50,
  rangeName: 100,
  step: 1e12,
} as const
