/** How long to wait before start number `attempt` (from 0): doubling from 0.5 s to 30 s, half of it at random. */
export function backoffMs(attempt: number, random: () => number = Math.random): number {
  const full = Math.min(30_000, 500 * 2 ** Math.min(attempt, 16))
  return Math.round(full / 2 + (random() * full) / 2)
}
