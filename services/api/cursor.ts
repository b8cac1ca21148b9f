import type { Position } from '@ordermill/database'
import { isId } from '@ordermill/model'
import { wrong } from './parameters.ts'

/** The position after a page, as clients carry it. */
export const writeCursor = ({ created_at, id }: Position): string =>
  Buffer.from(`${created_at} ${id}`).toString('base64url')

/** @throws InvalidParameters if it is none of ours */
export function readCursor(text: string): Position {
  const [created_at = '', id = '', ...rest] = Buffer.from(text, 'base64url').toString().split(' ')
  const isTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(created_at) && !Number.isNaN(Date.parse(created_at))
  if (!isTime || !isId(id) || rest.length > 0 || writeCursor({ created_at, id }) !== text)
    throw wrong('cursor', 'cursor', 'must be a next_cursor as an answer gave it')
  return { created_at, id }
}
