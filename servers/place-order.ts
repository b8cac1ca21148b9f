import { type Agent, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { backoffMs } from './backoff.ts'
import { toError } from './problem.ts'

/** What became of one order: the id under which it was accepted, or why it was not. */
export type Placed = { id: string } | { refused: string }

/** Where and how to place orders. */
export type Counter = {
  api: string
  agent: Agent
  /** How long one order may be put off by 503, 429 and broken connections, in milliseconds. */
  patienceMs: number
  signal: AbortSignal
}

type Answer = { status: number; retryAfter: string | undefined; body: string }

/**
 * Places one order. What asks for patience (503, 429, no connection) is tried again after what Retry-After says, with
 * the same key, so that an order which was accepted after all is not placed twice.
 */
export async function placeOrder(counter: Counter, text: string, key: string): Promise<Placed> {
  const deadline = performance.now() + counter.patienceMs
  for (let attempt = 0; ; attempt++) {
    let reason: string
    let waitMs: number
    try {
      const answer = await post(counter, text, key)
      if (answer.status >= 200 && answer.status < 300) return { id: idOf(answer.body) }
      reason = reasonOf(answer)
      if (answer.status !== 503 && answer.status !== 429) return { refused: reason }
      waitMs = Math.max(retryAfterMs(answer.retryAfter), backoffMs(attempt) / 4)
    } catch (error) {
      counter.signal.throwIfAborted()
      reason = `the API does not answer: ${toError(error).message}`
      waitMs = backoffMs(attempt)
    }
    if (performance.now() + waitMs > deadline)
      return { refused: `given up after ${counter.patienceMs / 1000} s: ${reason}` }
    await sleep(waitMs, undefined, { signal: counter.signal })
  }
}

function post({ api, agent, signal }: Counter, text: string, key: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
      'idempotency-key': key,
    }
    const options = { method: 'POST', agent, headers, signal, timeout: 30_000 }
    const call = request(`${api}/api/orders`, options, (response) => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        body += chunk
      })
      response.once('error', reject)
      response.once('end', () => {
        resolve({ status: response.statusCode ?? 0, retryAfter: response.headers['retry-after'], body })
      })
    })
    call.once('timeout', () => call.destroy(new Error('no answer within 30 s')))
    call.once('error', reject)
    call.end(text)
  })
}

/** Milliseconds of a Retry-After header (seconds or a date, RFC 9110 section 10.2.3), at most half a minute. */
export function retryAfterMs(header: string | undefined, now: number = Date.now()): number {
  if (header === undefined) return 0
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - now
  return Number.isFinite(ms) ? Math.min(30_000, Math.max(0, ms)) : 0
}

function idOf(body: string): string {
  const { order_id } = JSON.parse(body) as { order_id?: unknown }
  if (typeof order_id === 'string') return order_id
  throw new Error(`an answer without order_id: ${body.slice(0, 200)}`)
}

/** The reason in a problem document (RFC 9457): each fault with the field it is about, else its detail or title. */
export function reasonOf({ status, body }: Pick<Answer, 'status' | 'body'>): string {
  try {
    const problem = JSON.parse(body) as {
      title?: string
      detail?: string
      errors?: { pointer?: string; detail?: string }[]
    }
    const faults = (problem.errors ?? []).map(({ pointer, detail }) => `${pointer ?? ''} ${detail ?? ''}`.trim())
    return `${status} ${faults.length > 0 ? faults.join('; ') : (problem.detail ?? problem.title ?? '')}`.trim()
  } catch {
    return `${status} ${body.slice(0, 200)}`.trim()
  }
}
