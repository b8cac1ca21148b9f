import { meanings } from '../schemas.ts'

/** What calls have in common, described once: header parameters, answer headers and problem documents. */

const text = (rest: object = {}) => ({ type: 'string', ...rest })
const etag = '"1-BMkciLmQUdn8826xdGEfAX"'
const uuid = '01936f5e-8a4c-7d20-9b1e-3f5a6c7d8e9f'

interface Parameter {
  name: string
  description: string
  schema: object
  example: string
}

/** Header parameters by their names under components. Routes name them in lower case; the first is one of every call. */
export const parameters: Record<string, Parameter> = {
  CorrelationId: {
    name: 'X-Correlation-Id',
    description: 'Joins all that this call causes, in answers, messages and log lines. One is made up if it is unfit.',
    schema: text({ maxLength: 128 }),
    example: 'checkout-4711',
  },
  IdempotencyKey: {
    name: 'Idempotency-Key',
    description:
      'The same key and request are accepted once, however often they are sent; the same key with another request is refused.',
    schema: text({ minLength: 1, maxLength: 255 }),
    example: 'cart-8231-line-2',
  },
  IfMatch: {
    name: 'If-Match',
    description: 'The ETag that the change is based on; another version stands: 412.',
    schema: text(),
    example: etag,
  },
  IfNoneMatch: {
    name: 'If-None-Match',
    description: 'ETags that the client has: 304 if one of them stands.',
    schema: text(),
    example: etag,
  },
}

interface Header {
  description: string
  required?: true
  schema: object
  example: string | number
}

/** Headers of answers. */
export const headers: Record<string, Header> = {
  'X-Correlation-Id': {
    description: 'Joins all that the call caused: the one that was sent if it was fit, else a new one.',
    required: true,
    schema: text({ pattern: '^[\\w.:-]{1,128}$' }),
    example: 'checkout-4711',
  },
  Location: {
    description: 'Where to read it.',
    required: true,
    schema: text({ format: 'uri-reference' }),
    example: `/api/orders/${uuid}`,
  },
  ETag: {
    description: 'Version and hash of what stands.',
    required: true,
    schema: text({ pattern: '^"\\d+-[^"]+"$' }),
    example: etag,
  },
  'X-Cache': {
    description:
      'Where it came from; BYPASS: without the cache, or while it catches up: the answer may be stale. Of a write: it cannot be read before it is persisted.',
    schema: text({ enum: ['HIT', 'MISS', 'BYPASS'] }),
    example: 'HIT',
  },
  'Idempotent-Replayed': {
    description: 'The Idempotency-Key and this request were accepted before: nothing was done now.',
    schema: text({ const: 'true' }),
    example: 'true',
  },
  'X-As-Of': {
    description: 'Everything persisted by then is counted; absent before the first refresh.',
    schema: text({ format: 'date-time' }),
    example: '2026-01-31T09:30:00.125Z',
  },
  'X-Search-Engine': {
    description: 'Who answered.',
    required: true,
    schema: text({ enum: ['elasticsearch', 'postgres'] }),
    example: 'elasticsearch',
  },
  'X-Search-Lag-Seconds': {
    description: 'Age of the oldest change that who answered does not know yet; absent while that is unknown.',
    schema: { type: 'number', minimum: 0 },
    example: 0,
  },
  'Retry-After': {
    description: 'Seconds to wait before trying again.',
    required: true,
    schema: { type: 'integer', minimum: 0 },
    example: 2,
  },
  RateLimit: {
    description: 'What is left for this caller: requests, and seconds until all are back. Where a limit is set.',
    schema: text({ pattern: '^"caller";r=\\d+;t=\\d+$' }),
    example: '"caller";r=99;t=1',
  },
  'RateLimit-Policy': {
    description: 'The limit: requests, and the seconds they are counted in. Where one is set.',
    schema: text({ pattern: '^"caller";q=\\d+;w=1$' }),
    example: '"caller";q=100;w=1',
  },
  'WWW-Authenticate': {
    description: 'What is asked for (RFC 6750).',
    required: true,
    schema: text({ pattern: '^Bearer' }),
    example: 'Bearer',
  },
}

/** What a problem document of a status looks like, and which header comes with it. */
const problems: Record<
  number,
  { name: string; title: string; code: string; detail: string; header?: string; errors?: object[] }
> = {
  400: { name: 'Malformed', title: 'Bad request', code: 'malformed', detail: 'The body is not valid JSON.' },
  401: {
    name: 'Unauthorized',
    title: 'Unauthorized',
    code: 'unauthorized',
    detail: 'This needs the admin token.',
    header: 'WWW-Authenticate',
  },
  404: { name: 'NotFound', title: 'Not found', code: 'not-found', detail: `The order ${uuid} does not exist.` },
  408: {
    name: 'TooSlow',
    title: 'Request timeout',
    code: 'too-slow',
    detail: 'The request did not arrive in time.',
  },
  409: {
    name: 'Conflict',
    title: 'Conflict',
    code: 'step-not-allowed',
    detail: 'From placed the order may go to confirmed or cancelled, not to delivered.',
  },
  412: {
    name: 'PreconditionFailed',
    title: 'Precondition failed',
    code: 'version-conflict',
    detail: 'Version 2 stands: read it, then decide.',
  },
  413: {
    name: 'TooLarge',
    title: 'Content too large',
    code: 'too-large',
    detail: 'The body is larger than this server takes.',
  },
  415: {
    name: 'WrongContentType',
    title: 'Unsupported media type',
    code: 'wrong-content-type',
    detail: 'The content type must be application/json.',
  },
  422: {
    name: 'Invalid',
    title: 'Invalid',
    code: 'invalid',
    detail: 'One rule is broken.',
    errors: [{ pointer: '/amount', code: 'required', detail: 'is required' }],
  },
  429: {
    name: 'TooManyRequests',
    title: 'Too many requests',
    code: 'rate-limited',
    detail: 'No more than 100 requests a second are answered.',
    header: 'Retry-After',
  },
  431: {
    name: 'HeadersTooLarge',
    title: 'Request header fields too large',
    code: 'headers-too-large',
    detail: 'Line and headers take more than 16384 bytes.',
  },
  500: { name: 'InternalError', title: 'Internal error', code: 'internal', detail: 'Something went wrong here.' },
  503: {
    name: 'Unavailable',
    title: 'Unavailable',
    code: 'queue-full',
    detail: 'The queue is full.',
    header: 'Retry-After',
  },
}

/** The name of a status's problem under components. @throws Error for a status that no call answers */
export function problemName(status: number): string {
  const found = problems[status]
  if (found === undefined) throw new Error(`no problem is described for the status ${status}`)
  return found.name
}

/** Headers of every answer. */
export const carriedAlways = ['X-Correlation-Id', 'RateLimit', 'RateLimit-Policy']
export const headerRef = (name: string) => ({ $ref: `#/components/headers/${name}` })

/** Problem documents as responses, by their names. */
export const problemResponses = Object.fromEntries(
  Object.entries(problems).map(([status, { name, title, code, detail, header, errors }]) => {
    const example = {
      type: `urn:ordermill:problem:${code}`,
      title,
      status: Number(status),
      detail,
      code,
      ...(errors === undefined ? {} : { errors }),
      correlation_id: 'checkout-4711',
    }
    const response = {
      description: meanings[Number(status)],
      headers: Object.fromEntries(
        [...carriedAlways, ...(header === undefined ? [] : [header])].map((one) => [one, headerRef(one)]),
      ),
      content: {
        'application/problem+json': {
          schema: { $ref: '#/components/schemas/Problem' },
          examples: { [code]: { value: example } },
        },
      },
    }
    return [name, response]
  }),
)
