import type { Scenario, Scene } from '../scenarios/scenario.ts'
import type { Service } from '../stack.ts'

/** An API or a worker is killed; the stack starts it again. */
export const killedService = (kind: Service['kind']): Pick<Scenario, 'break' | 'heal'> => ({
  async break({ stack, random }) {
    const services = kind === 'api' ? stack.apis : stack.workers
    await services[random.below(services.length)]?.process.kill('SIGKILL')
  },
  heal: ({ stack }) => stack.ready(),
})

/** The worker that persists: what it has persisted grows within a second. @throws Error if none does */
export async function activeWorker({ stack, wait }: Scene): Promise<Service> {
  const before = await Promise.all(stack.workers.map(persistedBy))
  for (let tries = 0; tries < 20; tries += 1) {
    await wait(0.3)
    const now = await Promise.all(stack.workers.map(persistedBy))
    const at = now.findIndex((count, index) => count > (before[index] ?? 0))
    const found = stack.workers[at]
    if (found !== undefined) return found
  }
  throw new Error('no worker persists anything')
}

async function persistedBy({ url }: Service): Promise<number> {
  const text = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(2_000) }).then(
    (answer) => answer.text(),
    () => '',
  )
  return [...text.matchAll(/^records_persisted_total\{[^}]*\} (\S+)$/gm)].reduce((sum, [, n]) => sum + Number(n), 0)
}
