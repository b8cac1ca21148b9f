import type { Edit } from '../edits.ts'

/** A guard of the product taken out: what the simulation has to notice. */
export interface Mutation extends Edit {
  /** What is missing then. */
  without: string
  /** Why no seed can notice it, if none can: chaos on real servers has to. */
  missed?: string
}

export const mutations: Mutation[] = [
  {
    without: 'decide: an update names the version that stands as its parent',
    file: 'packages/database/decide.ts',
    search: 'chain[0].parent === standing.hash && ',
    replace: '',
  },
  {
    without: 'decide: what something in the history was built on is an ancestor, not a conflict',
    file: 'packages/database/decide.ts',
    search: ' || past.hasChildOf(hash)',
    replace: '',
  },
  {
    without: 'persister: the ack comes after the commit',
    file: 'services/worker/persister.ts',
    search: '    for (const round of read.rounds) await',
    replace: '    batch.settled(batch.deliveries)\n    for (const round of read.rounds) await',
  },
  {
    without: 'persister: what is parked is acked once the broker has it',
    file: 'services/worker/parkings.ts',
    search: 'await retryWhileUnavailable(() => parts.parking.park(parked), patience)',
    replace: 'await parts.parking.park(parked).catch(() => undefined)',
  },
  {
    without: 'persister: a barrier passes behind what came before it',
    file: 'services/worker/persister.ts',
    search: '    for (const round of read.rounds) await',
    replace:
      '    for (const { barrier } of read.barriers) await parts.passBarrier(barrier)\n    for (const round of read.rounds) await',
  },
  {
    without: 'prefix: acks cover only what is settled without a gap',
    file: 'packages/queue/prefix.ts',
    search: 'tag !== undefined && tag <= acked + 1;',
    replace: 'tag !== undefined;',
  },
  {
    without: 'consumer: a bundle is acked with the last of its messages',
    file: 'packages/queue/consumer.ts',
    search: '(done.bundle.delete(done) && done.bundle.size === 0)',
    replace: 'done.bundle.size > 0',
  },
  {
    without: 'publisher: what came back is a failure',
    file: 'packages/queue/sending.ts',
    search: "returned.delete(messageId) ? 'returned' : asOutcome(error)",
    replace: 'asOutcome(error)',
  },
  {
    without: 'accepting: the confirm comes before the 202',
    file: 'services/api/accepting.ts',
    search: 'await publishMarked(version, caller)',
    replace: 'publishMarked(version, caller).catch(() => undefined)',
  },
  {
    without: 'accepting: what is answered again is as safe as what is accepted',
    file: 'services/api/accepting.ts',
    search: 'if (unsent === 0) return true',
    replace: 'if (unsent >= 0) return true',
  },
  {
    without: 'accepting: without the cache only a confirm makes a 202',
    file: 'services/api/accepting.ts',
    search: "throw cause.reason === 'away' || cause.reason === 'busy' ? why : notConfirmed(cause)",
    replace: 'void [why, notConfirmed]',
  },
  {
    without: 'accepting: unsent versions go out before the one that is built on them',
    file: 'services/api/accepting.ts',
    search: 'if (unsentBefore > 0) await publishUnsentBefore(version, unsentBefore)',
    replace: '',
  },
  {
    without: 'accept: a change compares version and hash of what stands',
    file: 'packages/cache/scripts.ts',
    search: "  elseif base ~= '0' and (standing ~= base or hash ~= proof) then outcome = 'exists'\n",
    replace: '',
  },
  {
    without: 'accept: a first version finds nothing',
    file: 'packages/cache/scripts.ts',
    search: "  elseif base == '0' and standing then outcome = 'exists'\n",
    replace: '',
  },
  {
    without: 'accept: a first version whose id was asked for names the token',
    file: 'packages/cache/scripts.ts',
    search:
      "  elseif base == '0' and proof ~= '' and redis.call('GET', key .. ':asked') ~= proof then outcome = 'exists'\n",
    replace: '',
  },
  {
    without: 'accept: an unsent version that is replaced is kept',
    file: 'packages/cache/scripts.ts',
    search: "      if before > 0 then redis.call('RENAMENX', key, key .. ':' .. standing) end\n",
    replace: '',
  },
  {
    without: 'accept: the epoch is the one that is in force',
    file: 'packages/cache/scripts.ts',
    search: "if epoch ~= expected then outcome = 'epoch'\n  elseif base",
    replace: 'if base',
  },
  {
    without: 'epoch: it ends with the process that it was opened under',
    file: 'packages/cache/scripts.ts',
    search: 'if held ~= run then epoch = nil end',
    replace: '',
  },
  {
    without: 'fill: after a new epoch began, Postgres counts as behind',
    file: 'packages/cache/scripts.ts',
    search:
      "  elseif state ~= 'caught-up' then outcome, serve = 'behind', standing or ''\n  elseif hadCaughtUp ~= '1' then outcome, serve, caughtUp = 'behind', standing or '', 1\n",
    replace: '',
  },
  {
    without: 'fill: what Postgres said before it caught up is not kept',
    file: 'packages/cache/scripts.ts',
    search: "  elseif hadCaughtUp ~= '1' then outcome, serve, caughtUp = 'behind', standing or '', 1\n",
    replace: '',
  },
  {
    without: 'fill: the token',
    file: 'packages/cache/scripts.ts',
    search: " and redis.call('GET', asked) == token then",
    replace: ' then',
  },
  {
    without: 'settle: a mark is cleared for the version with this hash',
    file: 'packages/cache/mark-scripts.ts',
    search: 'if not marked or marked == hash then\n      table.insert(cleared',
    replace: 'if true then\n      table.insert(cleared',
  },
  {
    without: 'settle: what is clean is the version with this hash',
    file: 'packages/cache/mark-scripts.ts',
    search: 'local stands = held == version and heldHash == hash',
    replace: 'local stands = held',
  },
  {
    without: 'reader: a copy of an earlier epoch is held against Postgres',
    file: 'services/api/reader.ts',
    search: 'found = cached?.current ?',
    replace: 'found = cached ?',
  },
  {
    without: 'writer: a keyed create looks whether it was done before',
    file: 'services/api/writer.ts',
    search: 'request === undefined ? undefined : await standing(id, caller)',
    replace: 'undefined as Standing | undefined',
  },
  {
    without: 'writer: a keyed change looks whether it was done before',
    file: 'services/api/writer.ts',
    search: 'const isRepeated = await isReplay(base, request)',
    replace: 'const isRepeated = false',
  },
  {
    without: 'batch: versions are coalesced only where each names the one before',
    file: 'services/worker/batch.ts',
    search: 'before !== undefined && version.parent === before.hash && version.version > before.version',
    replace: 'before !== undefined',
  },
  {
    without: 'bisect: of a bad chain the version before is tried',
    file: 'services/worker/bisect.ts',
    search: 'only.slice(0, -1)',
    replace: 'only.slice(0, 0)',
  },
  {
    without: 'deadline: what comes back late is not waited for',
    file: 'services/worker/deadline.ts',
    search: 'await Promise.race([attempt, over])',
    replace: 'await attempt',
  },
  {
    without: 'flusher: of each record the oldest unsent version goes first',
    file: 'services/worker/flusher.ts',
    search: 'if (mark.version < (firsts.get(mark.id)?.version ?? Number.POSITIVE_INFINITY))',
    replace: 'if (mark.version > (firsts.get(mark.id)?.version ?? 0))',
  },
  {
    without: 'barriers: one goes out behind what was on its way when its epoch began',
    file: 'services/worker/barriers.ts',
    search: 'if (performance.now() - waiting.since >= onTheWayMax_ms) await send(epoch)',
    replace: 'await send(epoch)',
  },
  {
    without: 'drainer: the ack comes after the ledger has it',
    file: 'services/worker/drainer.ts',
    search: 'await retryWhileUnavailable(() => ledger.keep(messages), { signal, onRetry })',
    replace: 'await ledger.keep(messages).catch(() => undefined)',
  },
  {
    without: 'follower: the cursor passes only what the engine answered for',
    file: 'services/worker/following.ts',
    search: 'firstRetry < 0 ? changes : changes.slice(0, firstRetry)',
    replace: 'changes',
  },
  {
    without: 'index writer: documents carry external versions',
    file: 'packages/search/writer.ts',
    search: "'external_gte'",
    replace: "'internal'",
  },
  {
    without: 'settle: the token ends',
    file: 'packages/cache/mark-scripts.ts',
    search: "\n    table.insert(gone, key .. ':asked')`",
    replace: '`',
  },
  {
    without: 'accepting: a mark becomes sent after the confirm',
    file: 'services/api/accepting.ts',
    search: '    await publish(version, caller)\n    marker.sent(version)',
    replace: '    marker.sent(version)\n    await publish(version, caller)',
  },
  {
    without: 'flusher: a mark becomes sent after the confirm',
    file: 'services/worker/flusher.ts',
    search:
      'await publisher.publish(recordMessage(version, { exchange, collection: collection.name, type: collection.type }))',
    replace:
      'publisher.publish(recordMessage(version, { exchange, collection: collection.name, type: collection.type })).catch(() => undefined)',
  },
  {
    without: 'epoch: one that was gone around ends',
    file: 'packages/cache/cache.ts',
    search: 'bypassed: () => epochs.leave()',
    replace: 'bypassed: () => undefined',
  },
  {
    without: 'cache: what was replaced is read under its own key first',
    file: 'packages/cache/cache.ts',
    search: 'replaced ?? current',
    replace: 'current ?? replaced',
  },
  {
    without: 'follower: the cursor belongs to the UUID of the index',
    file: 'services/worker/follower.ts',
    search: 'const index = await writer.ensure()',
    replace: "const index = { ...(await writer.ensure()), uuid: 'one' }",
  },
  {
    without: 'follower: who finds the cursor moved starts over from where it is',
    file: 'services/worker/following.ts',
    search: 'if (!(await cursors.move(uuid, cursor, to, token))) return',
    replace: 'await cursors.move(uuid, cursor, to, token)',
    missed: 'Documents carry external versions: two followers write more than they have to, and nothing wrong.',
  },
  {
    without: 'cursors: what comes late may not move them',
    file: 'packages/database/cursors.ts',
    search: ' AND token = $4',
    replace: '',
    missed: 'SQL, as above.',
  },
  {
    without: 'cursors: compare-and-set',
    file: 'packages/database/cursors.ts',
    search: ' AND change_seq = $2 AND',
    replace: ' AND',
    missed: 'SQL: the cursors of a simulation are in memory.',
  },
  {
    without: 'lone: three deaths park, not one',
    file: 'services/worker/lone.ts',
    search: 'const deathsMax = 3',
    replace: 'const deathsMax = 1',
    missed: 'Workers die of faults alone here, and what is parked for deaths is parked with a reason.',
  },
]
