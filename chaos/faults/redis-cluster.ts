import { Redis } from 'ioredis'
import { until } from '../../servers/testing.ts'
import type { Scene } from '../scenarios/scenario.ts'

/** How long a replica is cut off before its master is lost, in seconds: so much is forgotten. */
const behind_s = 0.7

/**
 * A master is killed whose replica lost touch a little before, as by a network that failed part by part: the replica takes over
 * without the last writes.
 */
export async function loseMaster({ stack, random, say, wait }: Scene): Promise<void> {
  const nodes = stack.cluster('redis')
  const clients = nodes.map(({ url }) => new Redis(url))
  for (const client of clients) client.on('error', () => undefined) // a call that fails says so
  try {
    const states = await Promise.all(clients.map(stateOf))
    const pairs = states.flatMap(({ port }, replica) => {
      const master = nodes.findIndex(({ url }) => new URL(url).port === port)
      return master < 0 ? [] : [{ master, replica }]
    })
    const pair = pairs[random.below(pairs.length)]
    const [master, replica] = [clients[pair?.master ?? -1], clients[pair?.replica ?? -1]]
    if (pair === undefined || master === undefined || replica === undefined) throw new Error('no node is a replica')
    await replica.config('SET', 'masterauth', 'wrong') // so that it cannot connect again
    await replica.call('CLIENT', 'KILL', 'TYPE', 'master')
    await wait(behind_s)
    const [has, lacks] = await Promise.all([stateOf(master), stateOf(replica)])
    await nodes[pair.master]?.kill('SIGKILL')
    const began = performance.now()
    await until('the replica took over', async () => (await stateOf(replica)).port === undefined, 30_000)
    const seconds = ((performance.now() - began) / 1_000).toFixed(1)
    say(`  the replica took over after ${seconds} s, and lacked ${has.offset - lacks.offset} bytes of writes`)
    await replica.config('SET', 'masterauth', '')
  } finally {
    for (const client of clients) client.disconnect()
  }
}

/** What was killed is started again, and is a replica now; every master has one. */
export async function makeWhole({ stack }: Scene): Promise<void> {
  const nodes = stack.cluster('redis')
  await Promise.all(nodes.map((node) => node.start()))
  const clients = nodes.map(({ url }) => new Redis(url))
  for (const client of clients) client.on('error', () => undefined)
  try {
    await until(
      'every master has its replica',
      async () => {
        const states = await Promise.all(clients.map(stateOf))
        return states.filter(({ linked }) => linked).length === nodes.length / 2
      },
      30_000,
    )
  } finally {
    for (const client of clients) client.disconnect()
  }
}

/** Of a replica its master's port and whether it has its link; how far it, or a master, is in the stream of writes, in bytes. */
async function stateOf(client: Redis): Promise<{ port: string | undefined; linked: boolean; offset: number }> {
  const info = await client.info('replication')
  const found = (name: string) => new RegExp(`^${name}:(\\S+)`, 'm').exec(info)?.[1]
  return {
    port: found('master_port'),
    linked: found('master_link_status') === 'up',
    offset: Number(found('slave_repl_offset') ?? found('master_repl_offset')),
  }
}
