import type { Collection, StoredRecord } from '@ordermill/model'

/** What a client would send for a new record: an example of every field. @throws Error if a field has none */
export function exampleInput(c: Collection): Record<string, unknown> {
  return Object.fromEntries(
    c.fieldNames.map((name) => {
      const { examples } = (c.fields[name]?.input ?? {}) as { examples?: unknown[] }
      if (examples?.[0] === undefined) throw new Error(`the field ${name} of ${c.name} has no example`)
      return [name, examples[0]]
    }),
  )
}

/** A record as it would be read. */
export function exampleOf(c: Collection): StoredRecord {
  const at = '2026-01-31T09:30:00.125Z'
  const input = exampleInput(c)
  const fields = c.fieldNames.map((name) => {
    const field = c.fields[name]
    return [name, field === undefined ? null : field.normalise(input[name])]
  })
  return {
    id: '01936f5e-8a4c-7d20-9b1e-3f5a6c7d8e9f',
    version: 1,
    status: c.status.first,
    ...Object.fromEntries(fields),
    created_at: at,
    updated_at: at,
  }
}
