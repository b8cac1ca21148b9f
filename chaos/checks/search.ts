import type { Check, Document, Violation } from './evidence.ts'

/** I5: search has every row at its last change, with the same content, and nothing else. */
export const searchEqualsPostgres: Check = ({ rows, documents }) => {
  const found: Violation[] = []
  const inSearch = new Map(documents.map((document) => [document.id, document]))
  for (const row of rows) {
    const document = inSearch.get(row.id)
    inSearch.delete(row.id)
    if (document === undefined) found.push(violation(`search lacks ${row.id}`))
    else if (document.change_seq !== row.change_seq)
      found.push(violation(`search has ${row.id} at change ${document.change_seq}, Postgres at ${row.change_seq}`))
    else if (contentOf(document) !== contentOf(row)) found.push(violation(`search has another content of ${row.id}`))
  }
  for (const id of inSearch.keys()) found.push(violation(`search has ${id}, which Postgres has not`))
  return found
}

const violation = (says: string): Violation => ({ invariant: 'I5', says })

/** What a record says, whatever the order of its members; what it leaves out and what is null are the same. */
const contentOf = ({ record }: Document): string =>
  JSON.stringify(
    Object.entries(record)
      .filter(([, value]) => value !== null)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  )
