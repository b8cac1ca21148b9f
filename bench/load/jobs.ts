import type { Latency } from '../statistics.ts'

/** Which requests a load is made of, in turn. */
export type Requests =
  | { kind: 'orders' /** Each with an Idempotency-Key of its own. */; keyed: boolean }
  /** `etags`: sent as If-None-Match, one for each path. */
  | { kind: 'gets'; paths: string[]; etags?: string[] }
  /** GET where there is no body, else POST of that JSON. */
  | { kind: 'plain'; requests: PlainRequest[] }

export interface PlainRequest {
  path: string
  body?: string
}

/** What the load generator is asked to do. */
export type LoadJob =
  /** `least`: goes on until so many were answered, at most eight times as long: a warm-up is work done, not time passed. */
  | {
      kind: 'closed'
      url: string
      /** More addresses of the same service: connections are spread over all of them. */
      others?: string[]
      requests: Requests
      connections: number
      seconds: number
      least?: number
      /** A line that the headers of each answer must have, as `x-search-engine: postgres`; one without it is none. */
      header?: string
    }
  /** At a constant rate, whatever is answered: latencies count from the moment a request was due. */
  | { kind: 'constant'; url: string; requests: Requests; rate: number; seconds: number; arrivals?: ArrivalWatch }

/** Follows some of the orders to Postgres and into the search index. */
export interface ArrivalWatch {
  dsn: string
  /** The search endpoint of the index: `http://…/orders`. */
  index: string
  /** How many orders a second to follow. */
  per_second: number
}

export interface LoadResult {
  /** Answered as they should be (2xx, 304), and all others: other statuses, broken connections. */
  count: number
  failed: number
  /** Statuses of those others: 0 is a connection that broke, 200 lacks the header that was asked for. */
  statuses: Record<number, number>
  /** From the first request to the end of the load. */
  seconds: number
  latency: Latency
  persisted?: Latency
  searchable?: Latency
}

/** What the generator sends while it works. */
export interface LoadProgress {
  /** Answered as they should be, so far. */
  count: number
}
