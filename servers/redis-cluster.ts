import { Redis } from 'ioredis'
import type { GroupPlan, Site } from './plan.ts'
import type { Port } from './ports.ts'
import { ServerProblem } from './problem.ts'
import { redisNode } from './redis.ts'
import { waitFor } from './waiting.ts'

const SLOTS = 16_384

/** A master that does not answer for so long counts as lost, in milliseconds: its replica takes over within twice that. */
const NODE_TIMEOUT_MS = 2_000

/** How long the nodes may take to know each other. */
const JOIN_TIMEOUT_MS = 60_000

/**
 * A Redis Cluster on loopback: the first half of the nodes are masters, each of the others a replica of one. Its data is not meant to
 * outlive it: a cluster that is started again on other ports would not know itself.
 */
export async function planRedisCluster(site: Site, count: number): Promise<GroupPlan> {
  const nodes = await Promise.all(
    Array.from({ length: count }, async (_, at) => {
      const ports: [Port, Port] = [await site.port(), await site.port()]
      const settings = {
        'cluster-enabled': 'yes',
        'cluster-port': String(ports[1].number),
        'cluster-node-timeout': String(NODE_TIMEOUT_MS),
        'repl-diskless-sync-delay': '0',
      }
      return { ports, plan: redisNode(site, { name: `redis-${at + 1}`, title: `Redis ${at + 1}`, ports, settings }) }
    }),
  )
  return {
    beside: [],
    nodes: nodes.map(({ plan }) => plan),
    isCluster: true,
    variables: { REDIS_ADDR: nodes.map(({ ports: [port] }) => `127.0.0.1:${port.number}`).join(',') },
    join: (signal) =>
      join(
        nodes.map(({ ports }) => ports),
        signal,
      ),
  }
}

async function join(nodes: [client: Port, bus: Port][], signal: AbortSignal | undefined): Promise<void> {
  const clients = nodes.map(([port]) => new Redis({ host: '127.0.0.1', port: port.number }))
  for (const client of clients) client.on('error', () => undefined) // a call that fails says so
  const until = async (what: string, probe: () => Promise<boolean>): Promise<void> => {
    const found = await waitFor(async () => (await probe()) || undefined, { timeoutMs: JOIN_TIMEOUT_MS, signal })
    if (!found) throw new ServerProblem('NOT_READY', `The nodes of Redis did not become a cluster: ${what}.`)
  }
  const allSay = (what: string, test: (info: string) => boolean) =>
    until(what, async () => (await Promise.all(clients.map((one) => one.cluster('INFO')))).every((said) => test(said)))
  try {
    const masters = clients.slice(0, Math.ceil(clients.length / 2))
    const from = (at: number) => Math.floor((SLOTS * at) / masters.length)
    for (const [at, master] of masters.entries()) {
      await master.call('CLUSTER', 'ADDSLOTSRANGE', from(at), from(at + 1) - 1)
      await master.call('CLUSTER', 'SET-CONFIG-EPOCH', at + 1) // else they would have to settle on who is who first
    }
    for (const [port, bus] of nodes.slice(1))
      await clients[0]?.call('CLUSTER', 'MEET', '127.0.0.1', port.number, bus.number)
    await allSay('not all know each other', (info) => info.includes(`cluster_known_nodes:${nodes.length}`))
    const ids = await Promise.all(masters.map((one) => one.call('CLUSTER', 'MYID')))
    for (const [at, replica] of clients.slice(masters.length).entries())
      await replica.call('CLUSTER', 'REPLICATE', String(ids[at % ids.length]))
    await allSay('slots are missing', (info) => info.includes('cluster_state:ok'))
    await until('a replica is missing', async () => {
      const seen = await Promise.all(clients.map((one) => one.cluster('SLOTS')))
      const links = await Promise.all(clients.slice(masters.length).map((one) => one.info('replication')))
      const replicas = (ranges: unknown[][]) => ranges.reduce((sum, range) => sum + range.length - 3, 0)
      return (
        seen.every((ranges) => replicas(ranges as unknown[][]) === nodes.length - masters.length) &&
        links.every((said) => said.includes('master_link_status:up'))
      )
    })
  } finally {
    for (const client of clients) client.disconnect()
  }
}
