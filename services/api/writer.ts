import { type Moment, type RecordCache, readThrough } from '@ordermill/cache'
import type { RecordReader } from '@ordermill/database'
import {
  type Base,
  type Collection,
  firstVersion,
  NotFound,
  newId,
  nextVersion,
  readCreate,
  readPatch,
  type StoredRecord,
  tombstone,
  Unavailable,
  type Version,
} from '@ordermill/model'
import type { Acceptor, Caller } from './accepting.ts'
import { type KeyedRequest, keyedRequest, keyReused, wasAccepted } from './idempotency.ts'
import { checkIfMatch } from './preconditions.ts'
import { catchingUp } from './reader.ts'

/** What a caller is told of a write. */
export interface Receipt {
  id: string
  version: number
  /**
   * accepted; bypassed: accepted without the cache, so that it cannot be read before it is persisted; unchanged: there was nothing
   * to change; replayed: key and body were accepted before, and this is the answer again.
   */
  outcome: 'accepted' | 'bypassed' | 'unchanged' | 'replayed'
}

/** Accepts writes to one collection. Every method throws Invalid, Refused and Unavailable (`outcome-open`: it may still turn up). */
export interface Writer {
  /** Accepts a new record from the body of a POST. */
  create(body: unknown, caller: Caller): Promise<Receipt>
  /** Accepts an RFC 7396 merge. @throws NotFound | Forbidden | ConflictingVersion */
  update(id: string, body: unknown, caller: Caller, ifMatch: string | undefined): Promise<Receipt>
  /** Accepts a tombstone. @throws NotFound | ConflictingVersion */
  remove(id: string, caller: Caller, ifMatch: string | undefined): Promise<Receipt>
}

interface WriterParts {
  collection: Collection
  cache: Pick<RecordCache, 'read' | 'fill' | 'moment'>
  stored: Pick<RecordReader, 'read'>
  /** Looks for a key among those that a record no longer remembers itself. */
  findKeyUse(id: string, key: string): Promise<{ fingerprint: string } | undefined>
  acceptor: Acceptor
}

/** A version as it stands in an epoch: in the next one, something may stand on it that is forgotten. */
type Standing = Version & { epoch: string }

const isNone = (found: Standing | Moment): found is Moment => 'token' in found

const isAccepted = (outcome: Awaited<ReturnType<Acceptor['accept']>>) =>
  outcome === 'accepted' || outcome === 'bypassed'

/** How often a change is built anew because somebody else was faster. */
const triesMax = 8

export function createWriter({ collection, cache, stored, findKeyUse, acceptor }: WriterParts): Writer {
  const { name, title } = collection

  /**
   * The version that stands, cached, and the epoch in which it does; or, if there never was one, the moment of which that is known.
   * @throws Unavailable while that cannot be known
   */
  const standing = async (id: string, { sentId }: Caller): Promise<Standing | Moment> => {
    const cached = await cache.read(id)
    if (cached?.current) return cached
    const { version, behind, moment } = await readThrough(cache, id, () => stored.read(id, sentId))
    if (behind) throw catchingUp()
    return version === undefined ? moment : { ...version, epoch: moment.epoch }
  }
  const isReplay = async (version: Version, request: KeyedRequest | undefined): Promise<boolean> => {
    if (request === undefined) return false
    if (wasAccepted(version, request)) return true
    const oldest = version.keys[0]
    if (oldest === undefined) return false
    const use = await findKeyUse(version.id, request.key)
    if (use !== undefined && use.fingerprint !== request.fingerprint) throw keyReused()
    return use !== undefined
  }

  type Build = (base: Base, request: KeyedRequest | undefined) => Version | undefined
  const change = async (
    id: string,
    caller: Caller,
    what: string,
    body: unknown,
    ifMatch: string | undefined,
    build: Build,
  ): Promise<Receipt> => {
    const request = keyedRequest(`${name}/${id}`, caller.key, what, body)
    for (let tries = 0; tries < triesMax; tries += 1) {
      const base = await standing(id, caller)
      if (isNone(base)) throw new NotFound(`The ${title} ${id}`)
      const isRepeated = await isReplay(base, request)
      if (!isRepeated && base.deleted) throw new NotFound(`The ${title} ${id}`)
      if (!isRepeated) checkIfMatch(ifMatch, base)
      const version = isRepeated
        ? undefined
        : build({ ...base, record: JSON.parse(base.text) as StoredRecord }, request)
      if (version === undefined) {
        if (!(await acceptor.vouch(base, caller))) continue
        return { id, version: base.version, outcome: isRepeated ? 'replayed' : 'unchanged' }
      }
      const outcome = await acceptor.accept(version, base, caller)
      if (isAccepted(outcome)) return { id, version: version.version, outcome }
    }
    throw new Unavailable('contended', `Others change this ${title} all the time.`)
  }
  const now = () => new Date().toISOString()
  const keyOf = (request: KeyedRequest | undefined) => (request === undefined ? {} : { key: request })

  return {
    async create(body, caller) {
      const accepted_at = now()
      const content = readCreate(collection, body, accepted_at)
      const request = keyedRequest(name, caller.key, `POST ${name}`, body)
      const id = request?.key ?? newId()
      for (let tries = 0; tries < triesMax; tries += 1) {
        const before = request === undefined ? undefined : await standing(id, caller)
        if (before !== undefined && !isNone(before)) {
          await isReplay(before, request) // refuses another body; the id is made of the key, so this key made the record
          if (!(await acceptor.vouch(before, caller))) continue
          return { id, version: before.version, outcome: 'replayed' }
        }
        const version = firstVersion(collection, { id, content, now: accepted_at, ...keyOf(request) })
        const outcome = await acceptor.accept(version, before, caller)
        if (isAccepted(outcome)) return { id, version: 1, outcome }
      }
      throw new Unavailable('contended', `Others make this ${title} at the same time.`)
    },
    update: (id, body, caller, ifMatch) =>
      change(id, caller, `PATCH ${id}`, body, ifMatch, (base, request) =>
        nextVersion(collection, base, { ...readPatch(collection, body, base.record), now: now(), ...keyOf(request) }),
      ),
    remove: (id, caller, ifMatch) =>
      change(id, caller, `DELETE ${id}`, null, ifMatch, (base, request) => tombstone(collection, base, now(), request)),
  }
}
