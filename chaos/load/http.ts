import { HttpConnection, type Received } from '@ordermill/servers/http-connection'

/** An answer to one request; `body` is {} where it is no JSON object. */
export interface Answer {
  status: number
  header: Received['header']
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

/** Each answer is waited for so long, whole; nothing is sent twice. */
export function createHttp(timeout_ms: number): Http {
  const connections = new Map<string, HttpConnection>()
  const connectionOf = (client: number, api: string): HttpConnection => {
    const key = `${client} ${api}`
    const connection = connections.get(key) ?? new HttpConnection(api)
    connections.set(key, connection)
    return connection
  }
  return {
    send: (client, asked) =>
      new Promise((resolve, reject) => {
        const connection = connectionOf(client, asked.api)
        const timer = setTimeout(() => connection.lose('TIMEOUT'), timeout_ms)
        connection.send(textOf(asked), (received) => {
          clearTimeout(timer)
          const { status, error } = received
          if (status === 0) reject(new NoAnswer(error))
          else resolve({ status, header: (name) => received.header(name), body: objectOf(received.body()) })
        })
      }),
    close() {
      for (const connection of connections.values()) connection.lose('ECONNABORTED')
    },
  }
}

function textOf({ method, api, path, body, headers = {} }: Asked): string {
  const payload = body === undefined ? '' : JSON.stringify(body)
  const typed = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) }
  const all = { ...headers, host: new URL(api).host, ...(payload === '' ? {} : typed) }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  return `${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n${payload}`
}

function objectOf(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    return value !== null && typeof value === 'object' ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}
