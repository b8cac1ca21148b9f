import type { GroupPlan, Plan } from './plan.ts'
import { Supervised } from './supervisor.ts'

/** A server by itself. */
export const alone = (plan: Plan): GroupPlan => ({
  beside: [],
  nodes: [plan],
  isCluster: false,
  variables: plan.variables,
  join: async () => undefined,
})

/** One server, or the nodes of a cluster, as they run. Every method is for all of them. */
export class Group {
  readonly plan: GroupPlan
  readonly nodes: Supervised[]
  readonly #beside: Supervised[]

  constructor(plan: GroupPlan, options: ConstructorParameters<typeof Supervised>[1]) {
    this.plan = plan
    this.nodes = plan.nodes.map((node) => new Supervised(node, options))
    this.#beside = plan.beside.map((one) => new Supervised(one, options))
  }

  /** Resolves when all answer, as one. Throws ServerProblem when that cannot be had; then some may run. */
  async start(signal: AbortSignal | undefined): Promise<void> {
    await Promise.all(this.#beside.map((one) => one.start()))
    const started = await Promise.allSettled(this.nodes.map((node) => node.start()))
    for (const one of started) if (one.status === 'rejected') throw one.reason
    await this.plan.join(signal)
  }

  /** Resolves when nothing of it runs any more. */
  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop()))
    await Promise.all(this.#beside.map((one) => one.stop()))
  }

  /** Ends all at once. */
  async kill(): Promise<void> {
    const all = [...this.nodes, ...this.#beside]
    for (const one of all) one.expectEnd()
    await Promise.all(all.map((one) => one.kill('SIGKILL')))
  }
}
