import { Cluster, type Redis } from 'ioredis'
import { masterOf } from './cluster.ts'
import { stamp } from './scripts.ts'

/** After a replica did not have it in time, nobody waits for it for so long, in milliseconds. */
const lateFor_ms = 2_000

/** What is asked of one master in one epoch. */
interface Turn {
  epoch: string
  running: Promise<boolean> | undefined
  next: Promise<boolean> | undefined
  lateUntil: number
}

interface Asked {
  node: Redis
  replicas: number
  epochKey: string
  epoch: string
  wait_ms: number
}

/**
 * Asks whether replicas have what was written. WAIT holds up all that is behind it on its connection, which is everybody's: so there is
 * one at a time for each master, which answers for all who came before it, and none for a while once one was in vain.
 */
export function createCopied(redis: Redis | Cluster) {
  const turns = new Map<string, Turn>()
  return async (epochKey: string, epoch: string, wait_ms: number): Promise<boolean> => {
    const found = redis instanceof Cluster ? await masterOf(redis, epochKey) : { node: redis, address: '', replicas: 0 }
    const { address, ...master } = found
    const standing = turns.get(address)
    const turn: Turn =
      standing?.epoch === epoch ? standing : { epoch, running: undefined, next: undefined, lateUntil: 0 }
    turns.set(address, turn)
    if (performance.now() < turn.lateUntil) return false
    const run = () => {
      const mine = ask({ ...master, epochKey, epoch, wait_ms }).finally(() => {
        turn.running = undefined
      })
      turn.running = mine
      return mine.then((isCopied) => {
        turn.lateUntil = isCopied ? 0 : performance.now() + lateFor_ms
        return isCopied
      })
    }
    if (turn.running === undefined) return await run()
    // The one that runs was sent before what this is about.
    turn.next ??= turn.running
      .catch(() => false)
      .then(() => {
        turn.next = undefined
        return performance.now() < turn.lateUntil ? false : run()
      })
    return await turn.next
  }
}

async function ask({ node, replicas, epochKey, epoch, wait_ms }: Asked): Promise<boolean> {
  const stamped = () => node.eval(stamp, 1, epochKey, epoch)
  if (replicas === 0 && /^connected_slaves:0/m.test(await node.info('replication'))) return (await stamped()) === 1
  const [holds, copies] = await Promise.all([stamped(), node.wait(1, wait_ms)]) // one behind the other, on one connection
  return holds === 1 && copies > 0
}
