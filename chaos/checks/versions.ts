import { hashOf, orders, recordText } from '@ordermill/model'
import type { Check, Violation } from './evidence.ts'
import { groupBy } from './operations.ts'

/** I4: versions of a record are 1, 2, 3 …, each built on the one before, and each is what its hash says. */
export const versionsChain: Check = ({ stored }) => {
  const found: Violation[] = []
  const say = (id: string, what: string) => found.push({ invariant: 'I4', says: `${id}: ${what}` })
  for (const [id, versions] of groupBy(stored, (one) => one.id)) {
    versions.sort((a, b) => a.version - b.version)
    const standing = versions.filter(({ change_seq }) => change_seq !== null)
    if (standing.length !== 1) say(id, `${standing.length} versions stand`)
    else if (standing[0] !== versions.at(-1))
      say(id, `version ${standing[0]?.version} stands, and there is a later one`)
    for (const [at, one] of versions.entries()) {
      const before = versions[at - 1]
      if (one.version !== at + 1) say(id, `version ${at + 1} is missing`)
      if (one.parent !== (before?.hash ?? null))
        say(id, `version ${one.version} was not built on version ${before?.version}`)
      if (one.hash !== hashOf(recordText(orders, one.record as Record<string, string>), one.parent))
        say(id, `version ${one.version} is not what its hash says`)
    }
  }
  return found
}

/** I4: who reads a record twice never sees it go back. */
export const readsNeverGoBack: Check = ({ calls }) => {
  const reads = calls.filter(({ kind, answer }) => kind === 'read' && answer?.status === 200)
  const found: Violation[] = []
  for (const [id, ofOne] of groupBy(reads, (call) => call.id ?? '')) {
    const ended = [...ofOne].sort((a, b) => a.ended_ms - b.ended_ms)
    let [at, seen] = [0, 0]
    for (const { began_ms, answer } of [...ofOne].sort((a, b) => a.began_ms - b.began_ms)) {
      for (let before = ended[at]; before !== undefined && before.ended_ms < began_ms; before = ended[++at])
        seen = Math.max(seen, before.answer?.version ?? 0)
      if (answer?.bypass !== true && (answer?.version ?? 0) < seen)
        found.push({ invariant: 'I4', says: `${id} was read at version ${answer?.version}, after version ${seen}` })
    }
  }
  return found
}
