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

/** Workers are killed in turn, each as soon as the one before is ready again. */
export async function killWorkers({ stack, wait, random }: Scene, times: number): Promise<void> {
  for (let killed = 0; killed < times; killed += 1) {
    const { workers } = stack
    const worker = workers[killed % workers.length]
    await worker?.process.kill('SIGKILL')
    await worker?.process.start()
    await wait(random.float() * 0.3)
  }
}

/** The worker that persists is stopped in order and started again, some times. */
export async function stopWorkers(scene: Scene, times: number): Promise<void> {
  for (let stopped = 0; stopped < times; stopped += 1) {
    const worker = await activeWorker(scene)
    await worker.process.stop()
    await worker.process.start()
  }
}

/** Every service is replaced, workers first: the new one is ready before the old one is stopped. */
export async function replaceAll({ stack, wait }: Scene): Promise<void> {
  for (const old of [...stack.workers, ...stack.apis]) {
    await stack.add(old.kind)
    await stack.retire(old)
    await wait(0.5)
  }
}
