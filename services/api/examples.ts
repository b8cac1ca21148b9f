import type { Collection, StoredRecord } from '@ordermill/model'

/** What a client would send for a new record: an example of every field that has one. @throws Error if one that must be sent has none */
export function exampleInput(c: Collection): Record<string, unknown> {
  const fields = Object.entries(c.fields).flatMap(([name, { input, optional, fallback }]): [string, unknown][] => {
    const { examples } = input as { examples?: unknown[] }
    if (examples?.[0] !== undefined) return [[name, examples[0]]]
    if (optional || fallback !== undefined) return []
    throw new Error(`the field ${name} of ${c.name} must be sent, and has no example`)
  })
  return Object.fromEntries(fields)
}

/** A record as it would be read. */
export function exampleOf(c: Collection): StoredRecord {
  const at = '2026-01-31T09:30:00.125Z'
  const input = exampleInput(c)
  const fields = Object.entries(c.fields).map(([name, { normalise, fallback = null }]) => {
    const otherwise = fallback === 'accepted' ? at : fallback
    return [name, normalise(input[name] ?? otherwise)]
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
