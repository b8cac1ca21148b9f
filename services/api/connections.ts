import { type RequestListener, type Server, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { newId } from '@ordermill/model'
import type { FastifyHttpOptions } from 'fastify'
import type { Admission } from './admission.ts'
import { closeIdle } from './idle-connections.ts'
import { MultiSocketServer } from './multi-socket-server.ts'
import type { ApiOptions } from './parts.ts'
import { problemOf } from './plugins/problems.ts'

/** Most bytes of a request's line and headers together; beyond it: 431. */
const headerBytesMax = 16 * 1_024
/** A connection on which nothing moves for this long is closed: longer than any answer takes. */
const idleMax_ms = 120_000
/**
 * How long a connection is kept for its next request: longer than balancers usually keep theirs (60 s), which would send into one
 * that closes.
 */
const keepAlive_ms = 72_000

/** What is wrong with a request that is not HTTP, or not in time: by the code that Node's parser and timers give. */
const faults: Record<string, [status: number, code: string, detail: string]> = {
  HPE_HEADER_OVERFLOW: [431, 'headers-too-large', `Line and headers take more than ${headerBytesMax} bytes.`],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'too-large', 'The chunk extensions are larger than this server takes.'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'too-slow', 'The request did not arrive in time.'],
}

/** Limits of connections, of how long a request may take to arrive, and of how many are taken. */
export const connectionOptions = (options: ApiOptions, admission: Admission) =>
  ({
    clientErrorHandler: refuse,
    routerOptions: { maxParamLength: headerBytesMax }, // what is no id is told so, however long it is
    serverFactory: (handle: RequestListener) => serverOf(options, admission, handle),
  }) satisfies FastifyHttpOptions<Server>

function serverOf({ REQUEST_TIMEOUT_MS, CONNECTIONS_MAX }: ApiOptions, admission: Admission, handle: RequestListener) {
  const limits = {
    requestTimeout: REQUEST_TIMEOUT_MS,
    headersTimeout: Math.ceil(REQUEST_TIMEOUT_MS / 3),
    connectionsCheckingInterval: 1_000,
    maxHeaderSize: headerBytesMax,
  }
  const server = new MultiSocketServer(limits, (request, response) => {
    if (admission.admits(request, response)) handle(request, response)
  })
  closeIdle(server, { kept_ms: keepAlive_ms, busy_ms: idleMax_ms + REQUEST_TIMEOUT_MS, every_ms: 5_000 })
  let open = 0
  server.on('connection', (socket) => {
    open += 1
    socket.once('close', () => {
      open -= 1
    })
    if (open > CONNECTIONS_MAX) socket.destroy()
  })
  server.maxHeadersCount = 0 // none is dropped: their bytes are limited already
  return server
}

/** Answers what never became a request with a problem document, and closes the connection. */
function refuse(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed || socket.writableEnded) return void socket.destroy()
  if (isAnswering(socket)) return void socket.destroy(error)
  const [status, code, detail] = faults[error.code ?? ''] ?? [400, 'malformed', 'This is not a request of HTTP/1.1.']
  const id = newId()
  const body = JSON.stringify(problemOf({ status, code, detail }, id))
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Content-Type: application/problem+json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    `X-Correlation-Id: ${id}`,
    'Connection: close',
  ]
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy())
}

/** Whether an answer has begun on this connection: another one in its middle would be read as part of it. */
const isAnswering = (socket: Socket & { _httpMessage?: { headersSent: boolean } | null }): boolean =>
  socket._httpMessage?.headersSent === true
