import { Agent, request } from 'node:http'

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
  method: string
  url: string
  body?: unknown
  headers?: Record<string, string>
}

/** Sends requests over connections that are kept. */
export interface Http {
  /** @throws NoAnswer */
  send(asked: Asked): Promise<Answer>
  close(): void
}

export function createHttp(timeout_ms: number): Http {
  const agent = new Agent({ keepAlive: true })
  return {
    send({ method, url, body, headers = {} }) {
      const payload = body === undefined ? undefined : JSON.stringify(body)
      const all = payload === undefined ? headers : { 'content-type': 'application/json', ...headers }
      return new Promise((resolve, reject) => {
        const sent = request(
          url,
          { method, agent, headers: all, signal: AbortSignal.timeout(timeout_ms) },
          (answer) => {
            const chunks: Buffer[] = []
            answer.on('data', (chunk: Buffer) => chunks.push(chunk))
            answer.once('error', (error) => reject(noAnswer(error)))
            answer.once('end', () => {
              if (!answer.complete) return reject(new NoAnswer('ECONNRESET'))
              resolve({
                status: answer.statusCode ?? 0,
                headers: answer.headers as Answer['headers'],
                body: objectOf(Buffer.concat(chunks).toString()),
              })
            })
          },
        )
        sent.once('error', (error) => reject(noAnswer(error)))
        sent.end(payload)
      })
    },
    close: () => agent.destroy(),
  }
}

function noAnswer(error: Error): NoAnswer {
  if (error.name === 'AbortError' || error.name === 'TimeoutError') return new NoAnswer('TIMEOUT')
  return new NoAnswer('code' in error ? String(error.code) : error.name)
}

function objectOf(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    return value !== null && typeof value === 'object' ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}
