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

/** The version that a cached string of record `id` holds. It is taken apart at every read: by places, which costs half of `split`. */
export function decodeEntry(id: string, value: string): Entry {
  const hash = value.indexOf(' ') + 1
  const epoch = value.indexOf(' ', hash) + 1
  const parent = value.indexOf(' ', epoch) + 1
  const deleted = value.indexOf(' ', parent) + 1
  const uses = value.indexOf(' ', deleted) + 1
  const end = value.indexOf('\n', uses)
  return {
    id,
    version: Number(value.slice(0, hash - 1)),
    hash: value.slice(hash, epoch - 1),
    parent: value.startsWith('- ', parent) ? null : value.slice(parent, deleted - 1),
    text: value.slice(end + 1),
    deleted: value.startsWith('d', deleted),
    keys: end === uses ? [] : value.slice(uses, end).split(',').map(decodeUse),
    epoch: value.slice(epoch, parent - 1),
  }
}

function decodeUse(text: string): KeyUse {
  const [key = '', fingerprint = '', version = ''] = text.split(':')
  return { key, fingerprint, version: Number(version) }
}
