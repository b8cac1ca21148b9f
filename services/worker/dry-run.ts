import type { Chain, Ledger, Outcome, Table } from '@ordermill/database'
import { BadData, type Collection } from '@ordermill/model'
import { readBatch } from './batch.ts'
import { bisectBadData } from './bisect.ts'
import { readBulkDelivery } from './bulk.ts'
import { withDeadline } from './deadline.ts'
import type { JobHandler } from './jobs.ts'
import { deliveryOf } from './parked-message.ts'
import { reasonOf } from './parkings.ts'

interface DryRunParts {
  collection: Collection
  ledger: Pick<Ledger, 'read'>
  table: Pick<Table, 'tryOut'>
  deadline_ms: number
}

/** The job that says whether a parked record would be persisted now: it does the real thing in a transaction that is rolled back. */
export function createDryRun({ collection, ledger, table, deadline_ms }: DryRunParts): JobHandler {
  const tryOut = (chains: Chain[], signal: AbortSignal) =>
    withDeadline(deadline_ms, signal, (inner) => table.tryOut(inner, (apply) => bisectBadData(chains, apply)))
  return async ({ arguments: { n }, signal }) => {
    const row = await ledger.read(Number(n))
    if (row === undefined || row.collection !== collection.name)
      throw new Error(`there is no parked record ${Number(n)} of ${collection.name}`)
    try {
      const delivery = deliveryOf(row)
      const isBulk = row.routingKey === `${collection.name}.bulk`
      const chains = isBulk ? readBulkDelivery(collection, delivery).chains : chainsOf(collection, delivery)
      let outcome: Outcome = 'duplicate'
      for (const [version, verdict] of await tryOut(chains, signal)) {
        const reason = reasonOf(version, verdict)
        if (reason !== undefined) throw new BadData(reason.code, reason.message)
        if (!(verdict instanceof BadData)) outcome = verdict
      }
      return { passes: true, outcome, code: null, reason: null }
    } catch (thrown) {
      if (!(thrown instanceof BadData)) throw thrown
      return { passes: false, outcome: null, code: thrown.code, reason: thrown.message }
    }
  }
}

/** @throws BadData if it cannot be read */
function chainsOf(collection: Collection, delivery: Parameters<typeof readBatch>[1][number]): Chain[] {
  const { rounds, unreadable } = readBatch(collection, [delivery])
  for (const { error } of unreadable) throw error
  return rounds.flat()
}
