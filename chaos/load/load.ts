import { createRandom } from '../simulation/random.ts'
import { createCaller } from './caller.ts'
import { orderOf, runClosed } from './clients.ts'
import { type Call, createHistory, type Head, type History, type Told } from './history.ts'
import { createHttp } from './http.ts'
import { runOpen } from './open.ts'
import { createRests } from './rests.ts'
import type { LoadSettings } from './settings.ts'

/** A running load, and its history. */
export interface Load {
  history: History
  /** Places one order beside the load; it is part of the history. */
  place(order: Partial<ReturnType<typeof orderOf>>, how?: Pick<Call, 'wait'>): Promise<Told | undefined>
  /** From now on so many operations a second, if it is a closed load. */
  ease(rate: number): void
  /** Ends it: what is in flight is awaited. */
  stop(): Promise<void>
}

interface Parts {
  settings: LoadSettings
  head: Head
  file: string
  apis(): string[]
}

/** Starts clients that create, change, delete and read orders until they are stopped. */
export function startLoad({ settings: asked, head, file, apis }: Parts): Load {
  const settings = { ...asked }
  const history = createHistory(file, head)
  const http = createHttp(settings.patience_ms)
  const call = createCaller({ http, history, apis })
  const ending = new AbortController()
  let ops = 0
  const nextOp = () => ++ops
  const shared = {
    call,
    settings,
    prefix: head.prefix,
    known: { ids: [], etags: new Map<string, string>() },
    nextOp,
    rest: createRests(ending.signal),
    signal: ending.signal,
  }
  const beside = createRandom(head.seed)
  const all = settings.open ? runOpen(head.seed, shared) : runClosed(head.seed, shared)
  all.catch(() => undefined) // stop() tells
  return {
    history,
    async place(order, how = {}) {
      const op = nextOp()
      const tag = `${head.prefix}${op}`
      const body = { ...orderOf(tag, beside), ...order }
      const { told } = await call({ client: settings.clients + op, op, kind: 'create', tag, body, ...how })
      return told
    },
    ease(rate) {
      settings.rate = rate
    },
    async stop() {
      ending.abort()
      try {
        await all
      } finally {
        http.close()
      }
    },
  }
}
