import { type Barriers, onTheWayMax_ms } from '@ordermill/cache'
import type { Collection } from '@ordermill/model'
import { barrierMessage, type Publisher } from '@ordermill/queue'

/** Sends barriers, and sends them again until they came through. */
export interface BarrierSender {
  /** Sends this one, unless it went out a short while ago. Gives whether it, or one that was sent after it, came through. */
  send(barrier: string): Promise<boolean>
  /** Sends the barrier of an epoch that waits for it, once nothing that was accepted before can be on its way any more. */
  catchUp(): Promise<void>
}

interface SenderParts {
  collection: Collection
  barriers: Pick<Barriers, 'behind' | 'last'>
  publisher: Pick<Publisher, 'publish'>
  exchange: string
}

/** How long one has to come through before it is sent again. */
const again_ms = 10_000

export function createBarrierSender({ collection, barriers, publisher, exchange }: SenderParts): BarrierSender {
  let waiting: { epoch: string; since: number } | undefined
  let sent: { barrier: string; at: number }[] = [] // in order

  const send = async (barrier: string): Promise<boolean> => {
    const last = await barriers.last()
    const at = sent.findIndex((one) => one.barrier === barrier)
    if (at >= 0 && sent.slice(at).some((one) => one.barrier === last)) {
      sent = sent.slice(at + 1)
      return true
    }
    if (at >= 0 && performance.now() - (sent[at]?.at ?? 0) < again_ms) return false
    await publisher.publish(barrierMessage(barrier, { exchange, collection: collection.name }))
    sent = [...sent.filter((one) => one.barrier !== barrier), { barrier, at: performance.now() }].slice(-10)
    return false
  }
  return {
    send,
    async catchUp() {
      const epoch = await barriers.behind()
      if (epoch === undefined) {
        waiting = undefined
        return
      }
      if (waiting?.epoch !== epoch) waiting = { epoch, since: performance.now() }
      if (performance.now() - waiting.since >= onTheWayMax_ms) await send(epoch)
    },
  }
}
