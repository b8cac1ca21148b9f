import type { Call, History, Told } from './history.ts'
import type { Answer, Asked, Http } from './http.ts'
import { NoAnswer } from './http.ts'

/** Sends one request of an operation to an API, and keeps it in the history with what came of it. */
export type Caller = (asked: Omit<Call, 'began_ms' | 'ended_ms' | 'answer' | 'error'>) => Promise<Called>

/** What came of a call; the ETag is not part of the history. */
export interface Called {
  told: Told | undefined
  etag: string | undefined
  /** Nothing listened: the request was never sent. */
  refused: boolean
}

interface Parts {
  http: Http
  history: History
  /** The APIs that there are just now; one is tried after the other where nothing listens. */
  apis(): string[]
}

export function createCaller({ http, history, apis }: Parts): Caller {
  return async (call) => {
    const began_ms = history.now_ms()
    const urls = apis()
    const from = (call.client + call.op) % Math.max(1, urls.length)
    let error = 'ECONNREFUSED'
    for (const base of [...urls.slice(from), ...urls.slice(0, from)]) {
      try {
        const answer = await http.send(call.client, askedOf(call, base))
        const told = toldOf(answer)
        history.add({ ...call, began_ms, ended_ms: history.now_ms(), answer: told })
        return { told, etag: answer.header('etag'), refused: false }
      } catch (thrown) {
        if (!(thrown instanceof NoAnswer)) throw thrown
        error = thrown.message
        if (thrown.sent) break
      }
    }
    history.add({ ...call, began_ms, ended_ms: history.now_ms(), error })
    return { told: undefined, etag: undefined, refused: error === 'ECONNREFUSED' }
  }
}

function askedOf({ kind, id, key, if_match, wait, body }: Omit<Call, 'began_ms' | 'ended_ms'>, api: string): Asked {
  const headers = {
    ...(key === undefined ? {} : { 'idempotency-key': key }),
    ...(if_match === undefined ? {} : { 'if-match': if_match }),
  }
  const one = `/api/orders/${id}`
  switch (kind) {
    case 'create':
      return { method: 'POST', api, path: `/api/orders${wait === undefined ? '' : `?wait=${wait}`}`, headers, body }
    case 'patch':
      return { method: 'PATCH', api, path: one, headers, body }
    case 'delete':
      return { method: 'DELETE', api, path: one, headers }
    case 'bulk':
      return { method: 'POST', api, path: '/api/bulk-orders?wait_ms=2000', headers, body }
    case 'read':
      return { method: 'GET', api, path: one, headers }
    case 'search':
      return { method: 'GET', api, path: `/api/search?limit=5&q=${encodeURIComponent(String(body))}`, headers }
  }
}

function toldOf({ status, header, body }: Answer): Told {
  const retryAfter = header('retry-after')
  const { order_id, bulk_id, id = order_id ?? bulk_id, version, order_ids, code } = body
  return {
    status,
    ...(typeof code === 'string' ? { code } : {}),
    ...(typeof id === 'string' ? { id } : {}),
    ...(typeof version === 'number' ? { version } : {}),
    ...(Array.isArray(order_ids) ? { ids: order_ids as string[] } : {}),
    ...(header('idempotent-replayed') === 'true' ? { replayed: true } : {}),
    ...(header('x-cache') === 'BYPASS' ? { bypass: true } : {}),
    ...(retryAfter === undefined ? {} : { retry_after: Number(retryAfter) }),
  }
}
