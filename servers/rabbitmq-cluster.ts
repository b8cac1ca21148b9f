import { randomBytes } from 'node:crypto'
import type { GroupPlan, Site } from './plan.ts'
import { ServerProblem } from './problem.ts'
import { nodePorts, planNames, rabbitmqNode } from './rabbitmq.ts'
import { waitFor } from './waiting.ts'

/** How long the nodes may take to find each other. */
const JOIN_TIMEOUT_MS = 60_000

/** Nodes that hear nothing of one for some eight seconds (`net_ticktime`) count it as lost, instead of a minute; each takes one core. */
const FLAGS = ['-kernel net_ticktime 8', '+S 1:1']

/**
 * A cluster of RabbitMQ on loopback, whose nodes find each other by name. A minority that is cut off pauses itself: it closes its
 * connections until it sees the others again.
 */
export async function planRabbitmqCluster(site: Site, count: number): Promise<GroupPlan> {
  const epmd = await site.port()
  const names = Array.from({ length: count }, (_, at) => `ordermill${at + 1}@localhost`)
  const settings = [
    'cluster_partition_handling = pause_minority',
    'cluster_formation.peer_discovery_backend = classic_config',
    ...names.map((name, at) => `cluster_formation.classic_config.nodes.${at + 1} = ${name}`),
  ]
  const cookie = randomBytes(20).toString('hex')
  const nodes = await Promise.all(
    names.map(async (node, at) => {
      const called = { name: `rabbitmq-${at + 1}`, title: `RabbitMQ ${at + 1}`, node }
      return rabbitmqNode(site, { ...called, ports: await nodePorts(site), epmd, settings, flags: FLAGS, cookie })
    }),
  )
  const listed = (variable: string) => nodes.map(({ variables }) => variables[variable]).join(',')
  return {
    beside: [planNames(site, epmd)],
    nodes,
    isCluster: true,
    variables: { RABBITMQ_URL: listed('RABBITMQ_URL'), RABBITMQ_MANAGEMENT_URL: listed('RABBITMQ_MANAGEMENT_URL') },
    async join(signal) {
      const whole = () => allSee(nodes.map(({ variables }) => variables['RABBITMQ_MANAGEMENT_URL'] ?? ''))
      if ((await waitFor(whole, { timeoutMs: JOIN_TIMEOUT_MS, everyMs: 500, signal })) === undefined)
        throw new ServerProblem('NOT_READY', 'The nodes of RabbitMQ did not become a cluster.')
    },
  }
}

/** True once each of them sees all run; undefined until then. */
async function allSee(managements: string[]): Promise<true | undefined> {
  for (const management of managements) {
    const { origin, username, password } = new URL(management)
    const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
    const answer = await fetch(`${origin}/api/nodes`, { headers: { authorization, connection: 'close' } })
    const found = (await answer.json()) as { running: boolean }[]
    if (found.filter(({ running }) => running).length !== managements.length) return undefined
  }
  return true
}
