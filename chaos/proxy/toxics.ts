/** Which way bytes go: upstream from the client to the server, downstream back. */
export type Stream = 'upstream' | 'downstream'

/** What can be wrong with a connection, by the names that toxiproxy gives it (https://github.com/Shopify/toxiproxy, "Toxics"). */
type Attributes =
  /** Every byte comes later; order is kept. */
  | { type: 'latency'; latency_ms: number; jitter_ms?: number }
  /** So much passes. 0: nothing does; what was sent waits, and passes once this is over, as after a partition that TCP survives. */
  | { type: 'bandwidth'; bytes_per_second: number }
  /** The end of the stream comes later. */
  | { type: 'slow_close'; delay_ms: number }
  /**
   * What is sent is lost, the end of the stream is not heard, and after `timeout_ms` the connection is closed; 0: never. Once this is
   * over, the connection stays silent until one end closes it, as behind a firewall that forgot it. With `after` it begins on a
   * connection when this text has gone the other way.
   */
  | { type: 'timeout'; timeout_ms: number; after?: string }
  /** The connection is reset after so long. */
  | { type: 'reset_peer'; timeout_ms: number }
  /** Bytes come in small pieces, with a pause after each. */
  | { type: 'slicer'; average_bytes: number; variation_bytes: number; delay_ms: number }
  /** After so many bytes the connection is closed. */
  | { type: 'limit_data'; bytes: number }

export type Toxic = Attributes & {
  stream: Stream | 'both'
  /** The share of connections that it acts on, from 0 to 1: all if absent. */
  toxicity?: number
}

/** A toxic at work on one connection, and since when, in milliseconds of `performance.now()`. */
export interface Acting<T extends Toxic['type'] = Toxic['type']> {
  toxic: Extract<Toxic, { type: T }>
  since_ms: number
}
