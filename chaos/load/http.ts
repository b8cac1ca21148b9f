import { Client } from 'undici'

/** An answer to one request; `body` is {} where it is no JSON object. */
export interface Answer {
  status: number
  headers: Record<string, string | undefined>
  body: Record<string, unknown>
}

/** No answer came. `sent` is false where nothing listened: then nobody can have seen the request. */
export class NoAnswer extends Error {
  readonly sent: boolean
  constructor(code: string) {
    super(code)
    this.sent = code !== 'ECONNREFUSED'
  }
}

export interface Asked {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  /** Where the API listens: scheme, host and port. */
  api: string
  path: string
  body?: unknown
  headers?: Record<string, string>
}

/** Sends requests over connections that are kept: each client has one of its own to each API. */
export interface Http {
  /** Of one client only one request may be on its way. @throws NoAnswer */
  send(client: number, asked: Asked): Promise<Answer>
  close(): void
}

/** Each answer is waited for so long; nothing is sent twice. */
export function createHttp(timeout_ms: number): Http {
  const connections = new Map<string, Client>()
  const connectionOf = (client: number, origin: string): Client => {
    const key = `${client} ${origin}`
    const known = connections.get(key)
    if (known !== undefined) return known
    const times = { connect: { timeout: timeout_ms }, headersTimeout: timeout_ms, bodyTimeout: timeout_ms }
    const made = new Client(origin, { pipelining: 1, ...times })
    connections.set(key, made)
    return made
  }
  return {
    async send(client, { method, api, path, body, headers = {} }) {
      const payload = body === undefined ? null : JSON.stringify(body)
      const all = payload === null ? headers : { 'content-type': 'application/json', ...headers }
      try {
        const answer = await connectionOf(client, api).request({ path, method, headers: all, body: payload })
        const text = await answer.body.text()
        return { status: answer.statusCode, headers: answer.headers as Answer['headers'], body: objectOf(text) }
      } catch (thrown) {
        throw isOurs(thrown) ? thrown : noAnswer(thrown as Error)
      }
    },
    close() {
      for (const connection of connections.values()) void connection.destroy()
    },
  }
}

/** A mistake of whoever asks, and nothing that happened on the way. */
const isOurs = (thrown: unknown): boolean =>
  !(thrown instanceof Error && 'code' in thrown) || thrown.code === 'UND_ERR_INVALID_ARG'

function noAnswer(error: Error): NoAnswer {
  const code = 'code' in error ? String(error.code) : error.name
  return new NoAnswer(timeouts.has(code) ? 'TIMEOUT' : code)
}
const timeouts = new Set(['UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT'])

function objectOf(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    return value !== null && typeof value === 'object' ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}
