import {
  type Attempts,
  type Chain,
  type Change,
  type Cursors,
  decide,
  type Leases,
  type Ledger,
  type Outcome,
  type ParkedMessage,
  type ParkedRow,
  type Place,
  type RecordReader,
  type Rejects,
  type Table,
} from '@ordermill/database'
import { BadData, Unavailable, type Version } from '@ordermill/model'
import type { Asking } from './asking.ts'

/** What a Postgres in memory holds. */
export interface Postgres {
  rows: Map<string, Change>
  /** What was superseded, by id and hash. */
  history: Map<string, Version>
  parked: Map<string, ParkedRow>
  cursors: Map<string, Place & { name: string; token: number }>
  /** Attempts at lone messages, by queue and identity. */
  attempts: Map<string, { holder: string | undefined; deaths: number }>
  leases: Map<string, { holder: string; token: number; expiresAt: number }>
  changeSeq: number
  parkings: number
  /** Commits whose sender has given up, and that may still take place: before any transaction that comes after them. */
  late: Set<() => void>
  /** Told of every row before it is written. */
  onWrite(row: Change, before: Change | undefined): void
}

export const createPostgres = (onWrite: Postgres['onWrite']): Postgres => ({
  rows: new Map(),
  history: new Map(),
  parked: new Map(),
  cursors: new Map(),
  attempts: new Map(),
  leases: new Map(),
  changeSeq: 0,
  parkings: 0,
  late: new Set(),
  onWrite,
})

interface Client {
  postgres: Postgres
  ask: Asking
}

/** The table of records: all or none, in the order of change numbers, decided by the product's own rule. */
export function createTable({
  postgres,
  ask,
  isStuck,
}: Client & { isStuck(): boolean }): Pick<Table, 'apply' | 'probe'> {
  return {
    probe: () => (isStuck() ? new Promise<never>(() => undefined) : ask(() => undefined)),
    apply: (chains, signal) =>
      new Promise((resolve, reject) => {
        if (isStuck()) return // no answer ever: only the deadline of the attempt helps
        let commit: () => Outcome[][] = () => {
          commit = () => []
          postgres.late.delete(runLate)
          return applyChains(postgres, chains)
        }
        const runLate = () => void commit()
        const onAbort = () => {
          postgres.late.add(runLate)
          reject(new Unavailable('deadline', 'cut'))
        }
        if (signal.aborted) return reject(new Unavailable('deadline', 'cut'))
        signal.addEventListener('abort', onAbort, { once: true })
        const effect = () => {
          for (const late of [...postgres.late]) if (late !== runLate) late()
          return commit()
        }
        ask(effect)
          .then(resolve, reject)
          .finally(() => signal.removeEventListener('abort', onAbort))
      }),
  }
}

/** A record with this reference does not fit into the table. */
export const badReference = 'does not fit'

/** What is in the collection's table after these chains: all or none. @throws BadData if one of them does not fit */
export function applyChains(postgres: Postgres, chains: Chain[]): Outcome[][] {
  if (chains.some((chain) => chain.at(-1)?.text.includes(badReference)))
    throw new BadData('sql-22001', 'it does not fit')
  const { rows, history } = postgres
  const sorted = [...chains].sort(([a], [b]) => (a.id < b.id ? -1 : 1))
  const outcomes = new Map<Chain, Outcome[]>()
  for (const chain of sorted) {
    const standing = rows.get(chain[0].id)
    const { id } = chain[0]
    const past = {
      has: (hash: string) => history.has(id + hash),
      hasChildOf: (hash: string) => [...history.values()].some((one) => one.id === id && one.parent === hash),
    }
    const decision = decide(chain, standing, past)
    outcomes.set(chain, decision.outcomes)
    for (const [at, version] of chain.entries())
      if (decision.outcomes[at] === 'superseded') history.set(version.id + version.hash, version)
    if (decision.write === undefined) continue
    if (decision.write === 'update' && standing !== undefined) history.set(standing.id + standing.hash, standing)
    const winner = chain.at(-1) ?? chain[0]
    const row = { ...winner, change_seq: ++postgres.changeSeq }
    postgres.onWrite(row, standing)
    rows.set(row.id, row)
  }
  return chains.map((chain) => outcomes.get(chain) ?? [])
}

export function createReader({ postgres, ask }: Client): RecordReader {
  const { rows, history } = postgres
  return {
    read: (id) => ask(() => plain(rows.get(id))),
    readMany: (ids) => ask(() => ids.map((id) => plain(rows.get(id)))),
    persisted: (versions) =>
      ask(() =>
        versions.flatMap(({ id, version }) =>
          [rows.get(id), ...history.values()]
            .filter((one) => one?.id === id && one.version === version)
            .map((one) => ({ id, version, hash: one?.hash ?? '' })),
        ),
      ),
    changesAfter: (after, limit) => ask(() => changesAfter(postgres, after).slice(0, limit)),
    lastChange: () => ask(() => changesAfter(postgres, 0).at(-1)?.change_seq ?? 0),
  }
}

export const changesAfter = ({ rows }: Postgres, after: number): Change[] =>
  [...rows.values()].filter(({ change_seq }) => change_seq > after).sort((a, b) => a.change_seq - b.change_seq)

const plain = (row: Change | undefined): Version | undefined => {
  if (row === undefined) return undefined
  const { change_seq: _, epoch: __, ...version } = row
  return version
}

export function createLedger({ postgres, ask }: Client): Pick<Ledger, 'keep' | 'standing' | 'replayed' | 'find'> {
  const keepOne = (message: ParkedMessage) => {
    const { parked } = postgres
    const before = parked.get(message.identity)
    parked.set(message.identity, {
      ...(before ?? { ...message, n: parked.size + 1 }),
      ...{ code: message.code, reason: message.reason, fingerprint: message.fingerprint, headers: message.headers },
      ...{ properties: message.properties, correlationId: message.correlationId },
      replays: Math.max(before?.replays ?? 0, message.replays),
      parking: ++postgres.parkings,
      state: 'PARKED',
    })
  }
  return {
    keep: (messages) =>
      ask(() => {
        for (const message of messages) keepOne(message)
      }),
    standing: ({ upTo }, after, limit) =>
      ask(() =>
        [...postgres.parked.values()]
          .filter(({ state, parking, n }) => state === 'PARKED' && parking <= upTo && n > after)
          .slice(0, limit),
      ),
    find: (versions) =>
      ask(() =>
        [...postgres.parked.values()].flatMap(({ id, version, hash, state }) =>
          id !== null &&
          version !== null &&
          hash !== null &&
          versions.some((one) => one.id === id && one.version === version)
            ? [{ id, version, hash, state }]
            : [],
        ),
      ),
    replayed: (rows) =>
      ask(() => {
        for (const row of postgres.parked.values())
          if (row.state === 'PARKED' && rows.some(({ n, parking }) => row.n === n && row.parking === parking))
            row.state = 'REPLAYED'
      }),
  }
}

export function createCursors({ postgres, ask }: Client): Cursors {
  const { cursors } = postgres
  return {
    open: ({ uuid, name, from }, token) =>
      ask(() => {
        const begin = { change_seq: cursors.get(from ?? '')?.change_seq ?? 0, refreshed_seq: 0, token }
        const { change_seq, refreshed_seq, token: latest } = cursors.get(uuid) ?? begin
        if (latest > token) return undefined
        cursors.set(uuid, { name, change_seq, refreshed_seq, token })
        return { change_seq, refreshed_seq }
      }),
    passed: (uuid) => ask(() => cursors.get(uuid)?.change_seq ?? 0),
    move: (uuid, from, to, token) =>
      ask(() => {
        const cursor = cursors.get(uuid)
        if (cursor?.change_seq !== from || cursor.token !== token) return false
        cursor.change_seq = to
        return true
      }),
    refreshed: (uuid, to, token) =>
      ask(() => {
        const cursor = cursors.get(uuid)
        if (cursor?.token === token) cursor.refreshed_seq = Math.max(cursor.refreshed_seq, to)
      }),
  }
}

/** Nothing is rejected here. */
export const createRejects = ({ ask }: Client): Rejects => ({
  any: () => ask(() => false),
  keep: () => ask(() => undefined),
  forget: () => ask(() => undefined),
})

export function createLeases({ postgres, ask, now_ms, holder }: Client & { now_ms(): number; holder: string }): Leases {
  const { leases } = postgres
  return {
    hold: (name, ttl_ms) =>
      ask(() => {
        const lease = leases.get(name)
        const stands = lease !== undefined && lease.expiresAt > now_ms()
        if (stands && lease.holder !== holder) return undefined
        const token = (lease?.token ?? 0) + (stands ? 0 : 1)
        leases.set(name, { holder, token, expiresAt: now_ms() + ttl_ms })
        return token
      }),
    release: (name) =>
      ask(() => {
        const lease = leases.get(name)
        if (lease?.holder === holder) lease.expiresAt = now_ms()
      }),
  }
}

export function createAttempts({ postgres, ask, holder }: Client & { holder: string }): Attempts {
  const { attempts } = postgres
  const key = (queue: string, identity: string) => `${queue} ${identity}`
  return {
    deaths: (queue, identity) =>
      ask(() => {
        const attempt = attempts.get(key(queue, identity))
        if (attempt === undefined) return 0
        if (attempt.holder !== undefined && attempt.holder !== holder) attempt.deaths += 1
        attempt.holder = undefined
        return attempt.deaths
      }),
    open: (queue, identity) =>
      ask(() => {
        attempts.set(key(queue, identity), { deaths: attempts.get(key(queue, identity))?.deaths ?? 0, holder })
      }),
    close: (queue, identity) =>
      ask(() => {
        const attempt = attempts.get(key(queue, identity))
        if (attempt?.holder === holder) attempt.holder = undefined
      }),
    forget: (queue, identity) =>
      ask(() => {
        attempts.delete(key(queue, identity))
      }),
  }
}
