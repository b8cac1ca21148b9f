import { hash } from 'node:crypto'

/** 132 bits of SHA-256 in base64url: as good as unique among versions, and short enough for every header and row. */
const length = 22

/**
 * The hash of a version: of its JSON text and of its parent's hash ('' for the first), so that equal hashes mean equal histories.
 */
export function hashOf(text: string, parent: string | null): string {
  return hash('sha256', `${parent ?? ''}\n${text}`, 'base64url').slice(0, length)
}

/** The fingerprint of a request: what was asked (method and path), and its body whatever the order of its members. */
export function fingerprint(what: string, body: unknown): string {
  return hash('sha256', `${what}\n${canonical(body)}`, 'base64url').slice(0, length)
}

function canonical(value: unknown): string {
  return (
    JSON.stringify(value, (_key, member: unknown) =>
      member !== null && typeof member === 'object' && !Array.isArray(member)
        ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
        : member,
    ) ?? ''
  )
}
