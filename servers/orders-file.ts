import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { pipeline } from 'node:stream/promises'
import { errnoOf, ServerProblem } from './problem.ts'

/** One order of a file: its line number, from 1, and its JSON as it stands there. */
export type OrderLine = { line: number; text: string }

/** A file's content hash and how many lines of it hold something. Throws BAD_OPTION when it cannot be read. */
export async function surveyOrders(path: string): Promise<{ hash: string; lines: number }> {
  const hash = createHash('sha256')
  let lines = 0
  try {
    await pipeline(createReadStream(path), hash)
    for await (const _ of readOrders(path)) lines++
  } catch (error) {
    const why = errnoOf(error) === 'ENOENT' ? 'there is no such file' : String(errnoOf(error) ?? error)
    throw new ServerProblem(
      'BAD_OPTION',
      `--orders ${path} cannot be read: ${why}. Give the path of a file with one JSON object a line.`,
    )
  }
  return { hash: hash.digest('hex'), lines }
}

/** The lines of a file, one after the other; empty ones are passed over, but counted. */
export async function* readOrders(path: string): AsyncGenerator<OrderLine> {
  let line = 0
  for await (const text of createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY })) {
    line++
    if (text.trim() !== '') yield { line, text }
  }
}
