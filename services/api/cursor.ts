import type { Position } from '@ordermill/database'
import { isId } from '@ordermill/model'
import { wrong } from './parameters.ts'

/** The position after a page, as clients carry it. */
export const writeCursor = ({ created_at, id }: Position): string =>
  Buffer.from(`${created_at} ${id}`).toString('base64url')

/** @throws InvalidParameters if it is none of ours */
export function readCursor(text: string): Position {
  const [created_at = '', id = '', ...rest] = Buffer.from(text, 'base64url').toString().split(' ')
  const isTime = /^(?!0000)\d{4}-/.test(created_at) && isInstant(created_at)
  if (!isTime || !isId(id) || rest.length > 0 || writeCursor({ created_at, id }) !== text)
    throw wrong('cursor', 'cursor', 'must be a next_cursor as an answer gave it')
  return { created_at, id }
}

/** Whether a text is a time as we write it; the 31st of February, which Date takes for the 3rd of March, is none. */
function isInstant(text: string): boolean {
  const at = Date.parse(text)
  return !Number.isNaN(at) && new Date(at).toISOString() === text
}
