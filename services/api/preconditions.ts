import { ConflictingVersion, Refused, type Version } from '@ordermill/model'

/** The entity tag of a version (RFC 9110 section 8.8.3). */
export const etagOf = ({ version, hash }: Pick<Version, 'version' | 'hash'>): string => `"${version}-${hash}"`

const list = /^\s*(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"(?:\s*,\s*(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*")*\s*$/

/**
 * Checks If-Match (RFC 9110 section 13.1.1) against the version that stands: strong comparison.
 * @throws ConflictingVersion if none matches; Refused `malformed` if it is not a list of entity tags
 */
export function checkIfMatch(header: string | undefined, standing: Version): void {
  if (header === undefined || header.trim() === '*') return
  if (!list.test(header)) throw new Refused('malformed', 'If-Match must be * or a list of entity tags in quotes.')
  const tags = header.split(',').map((tag) => tag.trim())
  if (!tags.includes(etagOf(standing)))
    throw new ConflictingVersion('version-conflict', `Version ${standing.version} stands: read it, then decide.`)
}

/** Whether If-None-Match (RFC 9110 section 13.1.2) names the version that stands: weak comparison. */
export function isNotModified(header: string | undefined, standing: Version): boolean {
  if (header === undefined) return false
  if (header.trim() === '*') return true
  return header.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etagOf(standing))
}
