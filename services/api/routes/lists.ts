import { type Database, listRecords, readHistory } from '@ordermill/database'
import { type Collection, isId, NotFound, type Version } from '@ordermill/model'
import type { FastifyInstance } from 'fastify'
import Type from 'typebox'
import { readCursor, writeCursor } from '../cursor.ts'
import { exampleOf } from '../examples.ts'
import { historyOf } from '../history.ts'
import { wrong } from '../parameters.ts'
import { answer, type IdParameter, idParameter, named, nameOf, recordSchema, responses } from '../schemas.ts'

interface ListParts {
  collection: Collection
  database: Database
  /** The cached version of a record, if the cache answers and has one. */
  cached(id: string): Promise<Version | undefined>
}
interface ListQuery {
  limit?: number
  cursor?: string
  from?: string
  to?: string
  [field: string]: string | number | undefined
}
const value = Type.Union([Type.String(), Type.Number(), Type.Null()])
const entry = named(
  'HistoryEntry',
  Type.Object({
    version: Type.Integer({ minimum: 1 }),
    at: Type.String({ format: 'date-time' }),
    status: Type.String(),
    deleted: Type.Boolean(),
    dirty: Type.Boolean({ description: 'Accepted, and not yet known to be in the database.' }),
    changes: Type.Array(Type.Object({ field: Type.String(), from: value, to: value })),
  }),
)

/** Lists of a collection, and the history of one record: both as Postgres has them. */
export function listRoutes(app: FastifyInstance, { collection, database, cached }: ListParts): void {
  const { name, title } = collection
  const equal = ['status', ...collection.fieldNames.filter((field) => collection.fields[field]?.kind === 'keyword')]
  const timeField = collection.fieldNames.find((field) => collection.fields[field]?.kind === 'time') ?? 'created_at'
  const time = (what: string) =>
    Type.Optional(Type.String({ format: 'date-time', description: `${timeField} ${what} this.` }))

  const example = exampleOf(collection)
  const listSchema = {
    operationId: `list${nameOf({ title: name })}`,
    summary: `List ${name}, newest first`,
    description: 'As the database has them: what was accepted a moment ago may not be in it yet.',
    tags: [name],
    querystring: Type.Object(
      {
        limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 25 })),
        cursor: Type.Optional(Type.String({ maxLength: 200, description: 'next_cursor of the page before.' })),
        from: time('is not before'),
        to: time('is before'),
        ...Object.fromEntries(
          equal.map((field) => [
            field,
            Type.Optional(
              field === 'status' ? Type.Enum(collection.status.all) : Type.String({ minLength: 1, maxLength: 255 }),
            ),
          ]),
        ),
      },
      { additionalProperties: false },
    ),
    response: responses(
      {
        200: answer(
          'One page',
          named(
            nameOf(collection, 'Page'),
            Type.Object({
              [name]: Type.Array(recordSchema(collection)),
              next_cursor: Type.Union([Type.String(), Type.Null()], { description: 'null on the last page' }),
            }),
            { examples: [{ [name]: [example], next_cursor: writeCursor(example) }] },
          ),
        ),
      },
      ...[422, 503],
    ),
  }
  app.get<{ Querystring: ListQuery }>(`/api/${name}`, { schema: listSchema }, async (request, reply) => {
    const { limit = 25, cursor, from, to } = request.query
    const texts = Object.fromEntries(equal.map((field) => [field, request.query[field] as string | undefined]))
    for (const [field, text] of Object.entries(texts))
      if (text?.includes('\u0000')) throw wrong(field, 'nul', 'must not contain the character U+0000')
    const page = await listRecords(database, collection, {
      filter: { equal: texts, range: { field: timeField, from: instant('from', from), to: instant('to', to) } },
      after: cursor === undefined ? undefined : readCursor(cursor),
      limit,
      correlationId: request.id,
    })
    const next = page.next === undefined ? null : writeCursor(page.next)
    return reply
      .header('content-type', 'application/json; charset=utf-8')
      .send(`{"${name}":[${page.texts.join()}],"next_cursor":${JSON.stringify(next)}}`)
  })

  const historySchema = {
    operationId: `get${nameOf(collection)}History`,
    summary: `Every version of an ${title}, oldest first`,
    tags: [name],
    params: idParameter(collection),
    response: responses(
      {
        200: answer(
          'The history',
          named(
            nameOf(collection, 'History'),
            Type.Object({ [`${title}_id`]: Type.String({ format: 'uuid' }), versions: Type.Array(entry) }),
            { examples: [{ [`${title}_id`]: example.id, versions: historyOf(collection, [example], undefined) }] },
          ),
        ),
      },
      ...[404, 422, 503],
    ),
  }
  app.get<{ Params: IdParameter }>(`/api/${name}/:id/history`, { schema: historySchema }, async (request) => {
    const { id } = request.params
    const persisted = isId(id) ? await readHistory(database, collection, id, request.id) : []
    const versions = historyOf(collection, persisted, isId(id) ? await cached(id) : undefined)
    if (versions.length === 0) throw new NotFound(`The ${title} ${id}`)
    return { [`${title}_id`]: id, versions }
  })
}

/** A time of a query in UTC. @throws InvalidParameters if it is not one that Postgres knows */
function instant(field: string, text: string | undefined): string | undefined {
  if (text === undefined) return undefined
  const at = Date.parse(text)
  if (Number.isNaN(at) || !/^\d{4}-/.test(new Date(at).toISOString()) || new Date(at).getUTCFullYear() < 1)
    throw wrong(field, 'time', 'must be a real point in time in the years 0001 to 9999')
  return new Date(at).toISOString()
}
