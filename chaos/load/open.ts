import { setTimeout as sleep } from 'node:timers/promises'
import { createRandom, type Random } from '../simulation/random.ts'
import { operate, type Shared } from './clients.ts'

/**
 * An open load: requests begin at a constant rate, whether those before were answered or not, each by a client that is free. Repeats are
 * part of the rate and go first. Where no client is free, what is due is not offered. Ends with the load, all being answered.
 * @throws what an operation threw first
 */
export async function runOpen(seed: number, shared: Omit<Shared, 'turn'>): Promise<void> {
  const { settings, signal } = shared
  const repeats: (() => void)[] = []
  const turn = async () => (signal.aborted ? undefined : new Promise<void>((resolve) => repeats.push(resolve)))
  const idle: [client: number, random: Random][] = []
  const running = new Set<Promise<unknown>>()
  let clients = 0
  let failed: unknown
  const opened = (): (typeof idle)[number] => [clients, createRandom(seed * 1_000 + clients++)]
  const begin = (): void => {
    const repeat = repeats.shift()
    if (repeat !== undefined) {
      repeat()
      return
    }
    const free = idle.pop() ?? (clients < settings.clients ? opened() : undefined)
    if (free === undefined) return
    const one = operate(...free, { ...shared, turn }).finally(() => {
      running.delete(one)
      idle.push(free)
    })
    one.catch((thrown: unknown) => {
      failed ??= thrown
    })
    running.add(one)
  }
  const started = performance.now()
  for (let begun = 0; !signal.aborted; await sleep(1))
    for (const due = ((performance.now() - started) / 1_000) * settings.rate; begun < due; begun += 1) begin()
  for (const repeat of repeats) repeat()
  await Promise.allSettled(running)
  if (failed !== undefined) throw failed
}
