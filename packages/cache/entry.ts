import type { KeyUse, Version } from '@ordermill/model'

/** A version as the cache holds it. */
export interface Entry extends Version {
  /** The epoch in which it was accepted, or read from Postgres. */
  epoch: string
}

/**
 * A cached version is one string: a head line with what identifies it, then the JSON text as it is.
 * One string costs Redis half the memory of a hash, and the text leaves by a slice: it is never parsed on the way out.
 * Scripts read version, hash and epoch from the first 64 bytes of the head: keep them first.
 */
export function encodeEntry({ version, hash, parent, deleted, keys, text }: Version, epoch: string): string {
  const uses = keys.map((use) => `${use.key}:${use.fingerprint}:${use.version}`).join(',')
  return `${version} ${hash} ${epoch} ${parent ?? '-'} ${deleted ? 'd' : '-'} ${uses}\n${text}`
}

/** The version that a cached string of record `id` holds. */
export function decodeEntry(id: string, value: string): Entry {
  const end = value.indexOf('\n')
  const [version = '', hash = '', epoch = '', parent = '-', deleted = '-', uses = ''] = value.slice(0, end).split(' ')
  return {
    id,
    version: Number(version),
    hash,
    parent: parent === '-' ? null : parent,
    text: value.slice(end + 1),
    deleted: deleted === 'd',
    keys: uses === '' ? [] : uses.split(',').map(decodeUse),
    epoch,
  }
}

function decodeUse(text: string): KeyUse {
  const [key = '', fingerprint = '', version = ''] = text.split(':')
  return { key, fingerprint, version: Number(version) }
}
