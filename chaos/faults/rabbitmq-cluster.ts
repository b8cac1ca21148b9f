import type { ServerHandle } from '@ordermill/servers'
import { until } from '../../servers/testing.ts'
import type { Scenario, Scene } from '../scenarios/scenario.ts'
import { rabbitmqctl } from './broker.ts'

/** The node that leads the queue of records is killed, and comes back. */
export const killLeader: Pick<Scenario, 'break' | 'heal'> = {
  async break({ stack, say }) {
    const queue = (await stack.stores.management('GET', '/queues/%2F/orders.persist')) as { leader: string }
    const at = Number(/^ordermill(\d+)@/.exec(queue.leader)?.[1]) - 1
    const node = stack.cluster('rabbitmq')[at]
    if (node === undefined) throw new Error(`there is no node ${queue.leader}`)
    await node.kill('SIGKILL')
    say(`  ${queue.leader} led the queue`)
  },
  heal: makeWhole,
}

/** One node and the others no longer reach each other; clients reach all of them. */
export const cutOff: Pick<Scenario, 'break' | 'heal'> = {
  async break({ stack, random, say }) {
    const nodes = stack.cluster('rabbitmq')
    const at = random.below(nodes.length)
    // With another secret for each of the others it takes no connection of theirs, and gets none.
    await onNode(
      nodes[at],
      others(nodes.length, at).map(
        (name) => `erlang:set_cookie('${name}', cut_off), erlang:disconnect_node('${name}')`,
      ),
    )
    say(`  ordermill${at + 1}@localhost is cut off`)
  },
  async heal(scene) {
    const nodes = scene.stack.cluster('rabbitmq')
    for (const [at, node] of nodes.entries())
      await onNode(
        node,
        others(nodes.length, at).map((name) => `erlang:set_cookie('${name}', erlang:get_cookie())`),
      )
    await makeWhole(scene)
  },
}

const others = (count: number, at: number) =>
  Array.from({ length: count }, (_, other) => `ordermill${other + 1}@localhost`).filter((_, other) => other !== at)

const onNode = (node: ServerHandle | undefined, steps: string[]) =>
  rabbitmqctl(node?.pid, 'eval', `${steps.join(', ')}.`)

/** All nodes run, and see each other. */
async function makeWhole({ stack }: Scene): Promise<void> {
  const nodes = stack.cluster('rabbitmq')
  await Promise.all(nodes.map((node) => node.start()))
  await until(
    'all nodes see each other',
    async () => {
      const found = (await stack.stores.management('GET', '/nodes').catch(() => [])) as { running: boolean }[]
      return found.filter(({ running }) => running).length === nodes.length
    },
    90_000,
  )
}
