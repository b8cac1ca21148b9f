import {
  type Collection,
  type Condition,
  type Facet,
  type FacetCounts,
  facetCounts,
  type StoredRecord,
  searchableTexts,
} from '@ordermill/model'
import { createHighlighter, type Highlighter } from '@ordermill/search'
import type { FastifyReply } from 'fastify'
import type { Reader } from './reader.ts'
import type { Answered } from './searching.ts'
import type { Walked } from './walking.ts'

interface HitsOptions {
  /** Which members of the records; all if absent. The id is always there. */
  columns?: string[] | undefined
  /** Whether to say what each was sorted by. */
  sorted?: boolean
  /** Show what this found in the texts. */
  highlight?: Condition | undefined
}

/**
 * The hits of an answer as JSON: records as they are now, in the engine's order. Those that were deleted since are left out.
 * @param sentId the correlation id that the caller sent
 */
export async function hitsText(
  c: Collection,
  reader: Reader,
  { hits }: Answered,
  sentId: string | undefined,
  { columns, sorted = false, highlight }: HitsOptions = {},
): Promise<string> {
  const records = await reader.readMany(
    hits.map(({ id }) => id),
    sentId,
  )
  const texts = new Map(records.map(({ id, text }) => [id, text]))
  const highlighter = highlight && createHighlighter(highlight)
  const told = hits.flatMap(({ id, score, sort }) => {
    const text = texts.get(id)
    if (text === undefined) return []
    const head = `"score":${JSON.stringify(score)},${sorted ? `"sort":${JSON.stringify(sort)},` : ''}`
    const tail = highlighter === undefined ? '' : `,"highlights":${JSON.stringify(highlights(c, text, highlighter))}`
    return [`{${head}"${c.title}":${columns === undefined ? text : selected(text, columns)}${tail}}`]
  })
  return `[${told.join()}]`
}

function selected(text: string, columns: string[]): string {
  const record = JSON.parse(text) as StoredRecord
  return JSON.stringify(Object.fromEntries(['id', ...columns].map((name) => [name, record[name]])))
}

/** What was found in each text of a record, whole, as HTML. */
function highlights(c: Collection, text: string, highlighter: Highlighter): Record<string, string[]> {
  const record = JSON.parse(text) as StoredRecord
  const marked = searchableTexts(c).flatMap((field) => {
    const value = record[field]
    const html = typeof value === 'string' ? highlighter(field, value) : undefined
    return html === undefined ? [] : [[field, [html]]]
  })
  return Object.fromEntries(marked)
}

/** Sends what was found, with who found it and how far behind they are. */
export function sendFound(
  reply: FastifyReply,
  walked: Walked,
  hits: string,
  total: unknown,
  facets?: Facet[],
): FastifyReply {
  const { engine, lag, next_cursor } = walked
  const rest = JSON.stringify({ total, facets: facets && countsOf(facets, walked), engine, lag, next_cursor })
  return sayWho(reply, walked).send(`{"hits":${hits},${rest.slice(1)}`)
}

/** Says in the headers who answered, and how far behind they are. */
export function sayWho(reply: FastifyReply, { engine, lag }: Answered): FastifyReply {
  if (lag !== undefined) reply.header('x-search-lag-seconds', lag.seconds)
  return reply.header('content-type', 'application/json; charset=utf-8').header('x-search-engine', engine)
}

/** What was counted, as it is answered. */
export const countsOf = (facets: Facet[], { facets: counted = [] }: Answered): FacetCounts[] =>
  facets.flatMap((facet, at) => (counted[at] === undefined ? [] : facetCounts(facet, counted[at])))
