import { createHmac, createSecretKey, randomBytes, scryptSync, timingSafeEqual } from 'node:crypto'

/** Makes texts that clients carry and cannot change. They can read them. */
export interface Seal {
  close(value: unknown): string
  /** What was closed; undefined if the text is none of ours, or not what it was. */
  open(text: string): unknown
}

export function createSeal(secret: Buffer): Seal {
  const key = createSecretKey(secret) // checked and copied once, not for each text
  const mark = (payload: string) => createHmac('sha256', key).update(payload).digest()
  return {
    close(value) {
      const payload = Buffer.from(JSON.stringify(value)).toString('base64url')
      return `${payload}.${mark(payload).toString('base64url')}`
    },
    open(text) {
      const [payload = '', given = '', ...rest] = text.split('.')
      const expected = mark(payload)
      const told = Buffer.from(given, 'base64url')
      // Base64 has several spellings of the same bytes: one of them is ours.
      if (rest.length > 0 || told.length !== expected.length || told.toString('base64url') !== given) return undefined
      return timingSafeEqual(told, expected) ? JSON.parse(Buffer.from(payload, 'base64url').toString()) : undefined
    },
  }
}

/**
 * The key of the seal, the same in every process that is configured alike. Of the admin token only what takes long to guess is used:
 * a sealed text must not help to find the token. Where neither is set each process has a key of its own, and `onAlone` hears of it.
 */
export function sealKey({ secret, token, onAlone }: { secret: string; token: string; onAlone(): void }): Buffer {
  const stretched = secret === '' ? token : secret
  if (stretched !== '') return scryptSync(stretched, 'ordermill seal', 32)
  onAlone()
  return randomBytes(32)
}
