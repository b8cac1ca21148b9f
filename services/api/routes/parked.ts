import { isUtf8 } from 'node:buffer'
import type { RecordCache } from '@ordermill/cache'
import type { Jobs, ParkedRecord, ParkedState, ParkedView } from '@ordermill/database'
import { Forbidden, NotFound, Refused } from '@ordermill/model'
import type { Logger } from '@ordermill/telemetry'
import type { FastifyInstance } from 'fastify'
import type { Static } from 'typebox'
import { bodyReader } from '../body.ts'
import {
  discardInput,
  numberParameter,
  parkedDryRun,
  parkedPage,
  parkedQuery,
  parkedRecord,
  parkedReplay,
  replayInput,
  replayOneInput,
} from '../parked-schemas.ts'
import { answer, responses } from '../schemas.ts'
import { jobResponses, runJob } from './jobs.ts'

export interface ParkedParts {
  parked: ParkedView
  jobs: Jobs
  cache: Pick<RecordCache, 'discard'>
  log: Logger
}
interface Numbered {
  Params: Static<typeof numberParameter>
}

const tags = ['admin']
const security = [{ admin: [] }]
const path = '/api/admin/parked'

/** What was set aside: seen, tried out, replayed and discarded. */
export function parkedRoutes(app: FastifyInstance, parts: ParkedParts): void {
  const { parked, jobs, cache, log } = parts
  const find = async (n: number): Promise<ParkedRecord> => {
    const found = await parked.read(n)
    if (found === undefined) throw new NotFound(`The parked record ${n}`)
    return found
  }
  const findStanding = async (n: number): Promise<ParkedRecord> => {
    const found = await find(n)
    if (found.state !== 'PARKED') throw new Refused('ended', `The record is not parked any more: ${found.state}.`)
    return found
  }

  const listSchema = {
    operationId: 'listParked',
    summary: 'List parked records, newest first, and how they group',
    tags,
    security,
    querystring: parkedQuery,
    response: responses({ 200: answer('One page, and all groups', parkedPage) }, 401, 422, 503),
  }
  app.get<{ Querystring: Static<typeof parkedQuery> }>(path, { schema: listSchema }, async (request) => {
    const { code, limit = 25, before } = request.query
    const filter = { code, state: (request.query.state ?? 'PARKED') as ParkedState }
    const [groups, list] = await Promise.all([parked.groups(filter), parked.list(filter, { limit, before })])
    return { groups, parked: list }
  })

  const readSchema = {
    operationId: 'getParked',
    summary: 'Read a parked record, with its bytes',
    tags,
    security,
    params: numberParameter,
    response: responses({ 200: answer('The record', parkedRecord) }, 401, 404, 422, 503),
  }
  app.get<Numbered>(`${path}/:n`, { schema: readSchema }, async (request) => {
    return shown(await find(request.params.n))
  })

  const drySchema = {
    operationId: 'dryRunParked',
    summary: 'Would a parked record be persisted now?',
    description: 'The worker does the real thing in a transaction, and rolls it back.',
    tags,
    security,
    params: numberParameter,
    response: jobResponses('What would become of it', parkedDryRun, 401, 404, 409, 422, 503),
  }
  app.post<Numbered>(`${path}/:n/dry-run`, { schema: drySchema }, async (request, reply) => {
    const { n } = await find(request.params.n)
    return await runJob(reply, jobs, 'dry-run', { n })
  })

  const replaying = {
    tags,
    security,
    response: jobResponses('Published again', parkedReplay, ...[400, 401, 404, 409, 413, 415, 422, 503]),
  }
  const readOne = bodyReader(replayOneInput)
  const oneSchema = {
    operationId: 'replayParked',
    summary: 'Publish a parked record again',
    description: 'One that was replayed three times and came back asks for `force`.',
    ...replaying,
    params: numberParameter,
    body: replayOneInput,
  }
  app.post<Numbered>(`${path}/:n/replay`, { schema: oneSchema }, async (request, reply) => {
    const { force = false } = readOne(request.body)
    const { n, replays } = await findStanding(request.params.n)
    if (replays >= 3 && !force)
      throw new Forbidden('loop', `The record was replayed ${replays} times and came back: force asks for one more.`)
    return await runJob(reply, jobs, 'replay', { n, force, up_to: await parked.lastParking() })
  })

  const readMany = bodyReader(replayInput)
  const { 404: _, ...ofMany } = replaying.response
  const manySchema = {
    operationId: 'replayParkedGroup',
    summary: 'Publish all parked records of a code or a group again, or all',
    description:
      'As a job, at 200 a second; those that were replayed three times and came back are held, without `force`.',
    ...replaying,
    response: ofMany,
    body: replayInput,
  }
  app.post(`${path}/replay`, { schema: manySchema }, async (request, reply) => {
    const { code, fingerprint, force = false } = readMany(request.body)
    return await runJob(reply, jobs, 'replay-group', { code, fingerprint, force, up_to: await parked.lastParking() })
  })

  const readDiscard = bodyReader(discardInput)
  const discardSchema = {
    operationId: 'discardParked',
    summary: 'Give a parked record up',
    description: 'The version leaves the cache as well: what the database has is read again. Who and why is kept.',
    tags,
    security,
    params: numberParameter,
    body: discardInput,
    response: responses({ 200: answer('The record', parkedRecord) }, ...[400, 401, 404, 409, 413, 415, 422, 503]),
  }
  app.post<Numbered>(`${path}/:n/discard`, { schema: discardSchema }, async (request) => {
    const { reason, by = request.ip } = readDiscard(request.body)
    const { n, id, version, hash } = await findStanding(request.params.n)
    // The cache first: if Postgres goes away in between, the record is still parked, and the call can be sent again.
    if (id !== null && version !== null && hash !== null) await cache.discard({ id, version, hash })
    if (!(await parked.discard(n, { by, reason }))) throw new Refused('ended', 'The record is not parked any more.')
    log.info({ n, id, version, by, reason, correlation_id: request.id }, 'discarded')
    return shown(await find(n))
  })
}

function shown({ body, ...rest }: ParkedRecord) {
  const encoding = isUtf8(body) ? 'utf-8' : 'base64'
  return { ...rest, body: body.toString(encoding), body_encoding: encoding }
}
