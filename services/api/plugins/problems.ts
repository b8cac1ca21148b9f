import {
  ConflictingVersion,
  type Fault,
  Forbidden,
  Invalid,
  NotFound,
  Refused,
  toError,
  Unavailable,
} from '@ordermill/model'
import type { Logger } from '@ordermill/telemetry'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { InvalidParameters, type ParameterFault } from '../parameters.ts'
import { sparingly } from '../sparingly.ts'

/** A problem document by RFC 9457, with what we add: a stable code, each fault, and the correlation id. */
export interface Problem {
  type: string
  title: string
  status: number
  detail: string
  code: string
  errors?: (Fault | ParameterFault)[]
  correlation_id: string
}

/** Status of what a code says, where its class does not say enough. */
const statuses: Record<string, number> = {
  malformed: 400,
  'key-malformed': 400,
  ended: 409,
  unauthorized: 401,
  'key-reused': 422,
  busy: 409,
  'too-large': 413,
  'wrong-content-type': 415,
  'wrong-content-encoding': 415,
  'rate-limited': 429,
}
const titles: Record<number, string> = {
  400: 'Bad request',
  401: 'Unauthorized',
  404: 'Not found',
  408: 'Request timeout',
  409: 'Conflict',
  412: 'Precondition failed',
  413: 'Content too large',
  415: 'Unsupported media type',
  422: 'Invalid',
  429: 'Too many requests',
  431: 'Request header fields too large',
  500: 'Internal error',
  503: 'Unavailable',
}

function statusOf(error: Error): number {
  if (error instanceof Unavailable) return 503
  if (error instanceof NotFound) return 404
  if (error instanceof Invalid || error instanceof InvalidParameters) return 422
  if (error instanceof Forbidden) return 409
  if (error instanceof ConflictingVersion) return 412
  if (error instanceof Refused) return statuses[error.code] ?? 400
  return 500
}

/** What Fastify refuses by itself, in our words. */
const ofFastify: Record<string, [code: string, detail: string]> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ['wrong-content-type', 'The content type must be application/json.'],
  FST_ERR_CTP_EMPTY_TYPE: ['wrong-content-type', 'The content type must be application/json.'],
  FST_ERR_CTP_BODY_TOO_LARGE: ['too-large', 'The body is larger than this server takes.'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: ['malformed', 'The body is not as long as its Content-Length says.'],
  FST_ERR_CTP_EMPTY_JSON_BODY: ['malformed', 'The body is empty.'],
  FST_ERR_BAD_URL: ['malformed', 'The path is not a valid URL.'],
  ECONNRESET: ['cut-off', 'The request ended before it was complete.'],
}

/** While a part is away every request fails alike: one line in this time says it. */
const logEvery_ms = 1_000

/** Every error leaves as a problem document. Internal error text goes to the log, never to a client. */
export function problemsPlugin(app: FastifyInstance, log: Logger): void {
  const unsaid = sparingly(logEvery_ms)
  app.setErrorHandler((thrown: FastifyError, request, reply) => {
    const error = translate(thrown)
    const status = statusOf(error)
    if (status >= 500) {
      const fields = { err: error, correlation_id: request.id, route: request.routeOptions.url }
      const left_out = error instanceof Unavailable ? unsaid(error.code) : 0
      if (!(error instanceof Unavailable)) log.error(fields, 'a request failed')
      else if (left_out !== undefined) log.warn({ ...fields, left_out }, error.message)
    }
    if (error instanceof Unavailable) reply.header('retry-after', error.retryAfterSeconds)
    return sendProblem(request, reply, {
      status,
      code: error instanceof Refused || error instanceof Unavailable ? error.code : internal.code,
      detail: error instanceof Unavailable ? unavailable(error) : status === 500 ? internal.detail : error.message,
      ...(error instanceof Invalid || error instanceof InvalidParameters ? { errors: error.faults } : {}),
    })
  })
  app.setNotFoundHandler((request, reply) =>
    sendProblem(request, reply, {
      status: 404,
      code: 'no-such-route',
      detail: `There is no ${request.method} on this path.`,
    }),
  )
}

/** What Fastify refuses before there is a route: no hook runs, so everything is said here. */
export function refuseEarly(thrown: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  const error = translate(thrown)
  const status = statusOf(error)
  const told = error instanceof Refused ? { code: error.code, detail: error.message } : internal
  reply.header('x-correlation-id', request.id)
  sendProblem(request, reply, { status, ...told })
}
const internal = { code: 'internal', detail: 'Something went wrong here.' }

type Told = Pick<Problem, 'status' | 'code' | 'detail' | 'errors'>

/** The problem document of what a client is told. */
export const problemOf = ({ status, code, detail, errors }: Told, correlation_id: string): Problem => ({
  type: `urn:ordermill:problem:${code}`,
  title: titles[status] ?? 'Problem',
  status,
  detail,
  code,
  ...(errors === undefined ? {} : { errors }),
  correlation_id,
})

/** Sends a problem document. */
export const sendProblem = (request: FastifyRequest, reply: FastifyReply, told: Told): FastifyReply =>
  reply
    .code(told.status)
    .header('content-type', 'application/problem+json; charset=utf-8')
    .serializer(JSON.stringify)
    .send(problemOf(told, request.id))

function translate(thrown: FastifyError): Error {
  const known = ofFastify[thrown.code]
  if (known !== undefined) return new Refused(known[0], known[1], { cause: thrown })
  return toError(thrown)
}

/** What a client is told of a part that is away: which, never the error text of a server. */
function unavailable({ code, message }: Unavailable): string {
  return code.startsWith('database') || code === 'deadline' ? 'The database does not answer.' : message
}
