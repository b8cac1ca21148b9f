import type { Leases } from '@ordermill/database'

interface LeaseParts {
  leases: Leases
  name: string
  /** How long it lasts unless it is prolonged, which is done four times in that time. */
  ttl_ms: number
  signal: AbortSignal
}

/**
 * Does `work` under a lease, which is prolonged beside it: however long a step of the work takes, it is kept, and a process that is
 * dead or frozen loses it. The signal aborts when it is lost. Gives false if somebody else holds it. The lease is not let go of.
 */
export async function underLease(
  { leases, name, ttl_ms, signal }: LeaseParts,
  work: (token: number, signal: AbortSignal) => Promise<void>,
): Promise<boolean> {
  const token = await leases.hold(name, ttl_ms)
  if (token === undefined) return false
  const lost = new AbortController()
  const prolong = () =>
    leases.hold(name, ttl_ms).then(
      (now) => now === token || lost.abort(),
      () => undefined, // it outlives a few of these
    )
  const beat = setInterval(prolong, ttl_ms / 4)
  try {
    await work(token, AbortSignal.any([signal, lost.signal]))
  } finally {
    clearInterval(beat)
  }
  return true
}
