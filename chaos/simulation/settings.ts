import { orders } from '@ordermill/model'
import { topologyOf } from '@ordermill/queue'

/** Options of the product as the simulation sets them: small, so that limits are met and little time passes. */
export const settings = {
  cacheTimeout_ms: 250,
  /** Longer than `onTheWayMax_ms`, as by default: who gave up waiting for a confirm looks at the epoch. */
  publishTimeout_ms: 600,
  epochFirst_ms: 20,
  epochEvery_ms: 2_000,
  databaseTimeout_ms: 800,
  engineTimeout_ms: 800,
  deadline_ms: 700,
  flushAfter_ms: 1_500,
  followEvery_ms: 300,
  followBatch: 5,
  dirtyLimit: 4 * 20,
  window: 20,
  prefetch: 12,
  batchMax: 5,
  batchWait_ms: 5,
} as const

export const topology = topologyOf([orders.name], { namespace: '', lengthMax: 1_000 })
