import type { Collection, StoredRecord } from '@ordermill/model'
import type { FastifyReply } from 'fastify'
import type { Reader } from './reader.ts'
import type { Answered } from './searching.ts'

interface HitsOptions {
  /** Which members of the records; all if absent. The id is always there. */
  columns?: string[] | undefined
  /** Whether to say what each was sorted by. */
  sorted?: boolean
}

/** The hits of an answer as JSON: records as they are now, in the engine's order. Those that were deleted since are left out. */
export async function hitsText(
  c: Collection,
  reader: Reader,
  { hits }: Answered,
  correlationId: string,
  { columns, sorted = false }: HitsOptions = {},
): Promise<string> {
  const records = await reader.readMany(
    hits.map(({ id }) => id),
    correlationId,
  )
  const texts = new Map(records.map(({ id, text }) => [id, text]))
  const told = hits.flatMap(({ id, score, sort }) => {
    const text = texts.get(id)
    if (text === undefined) return []
    const head = `"score":${JSON.stringify(score)},${sorted ? `"sort":${JSON.stringify(sort)},` : ''}`
    return [`{${head}"${c.title}":${columns === undefined ? text : selected(text, columns)}}`]
  })
  return `[${told.join()}]`
}

function selected(text: string, columns: string[]): string {
  const record = JSON.parse(text) as StoredRecord
  return JSON.stringify(Object.fromEntries(['id', ...columns].map((name) => [name, record[name]])))
}

/** Sends what was found, with who found it and how far behind they are. */
export function sendFound(reply: FastifyReply, { engine, lag }: Answered, hits: string, total: unknown): FastifyReply {
  if (lag !== undefined) reply.header('x-search-lag-seconds', lag.seconds)
  const rest = JSON.stringify({ total, engine, lag })
  return reply
    .header('content-type', 'application/json; charset=utf-8')
    .header('x-search-engine', engine)
    .send(`{"hits":${hits},${rest.slice(1)}`)
}
