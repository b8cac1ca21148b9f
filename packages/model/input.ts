import type { Collection, Content, Fields, InputShape, StoredRecord } from './collection.ts'
import { Invalid } from './errors.ts'
import { type Fault, pointer } from './faults.ts'
import type { Field } from './fields.ts'

/** At most this many faults are told; the rest of a hopeless body helps nobody. */
const faultsMax = 100

/** What a PATCH asks for: the whole content as it would be after it, and the status where it names one. */
export interface Patch<F extends Fields> {
  content: Content<F>
  status: string | undefined
}

/**
 * Reads the body of a POST: trimmed, completed with defaults, checked.
 * @param acceptedAt RFC 3339 in UTC; stands in where a field's default is the time of acceptance.
 * @throws Invalid with every fault at once.
 */
export function readCreate<F extends Fields>(c: Collection<F>, body: unknown, acceptedAt: string): Content<F> {
  const faults = structural(c.create, body)
  const sent = isObject(body) ? body : {}
  const content: Record<string, unknown> = {}
  for (const name of c.fieldNames) {
    content[name] = sent[name] === undefined ? defaultOf(fieldOf(c, name), acceptedAt) : sent[name]
  }
  return finish(c, content, faults)
}

/**
 * Reads the body of a PATCH as an RFC 7396 merge on `current`. A null removes an optional field.
 * @throws Invalid with every fault at once.
 */
export function readPatch<F extends Fields>(c: Collection<F>, body: unknown, current: StoredRecord): Patch<F> {
  const faults = structural(c.patch, body)
  const sent = isObject(body) ? body : {}
  const content: Record<string, unknown> = {}
  for (const name of c.fieldNames)
    content[name] =
      sent[name] ?? (sent[name] === null ? null : (current[name] ?? defaultOf(fieldOf(c, name), current.created_at)))
  const status = typeof sent['status'] === 'string' ? sent['status'] : undefined
  return { content: finish(c, content, faults), status }
}

function finish<F extends Fields>(c: Collection<F>, content: Record<string, unknown>, faults: Fault[]): Content<F> {
  const broken = new Set(faults.map((fault) => fault.pointer))
  const isBroken = (name: string) => broken.size > 0 && broken.has(pointer(name))
  if (!broken.has('')) {
    for (const name of c.fieldNames) {
      if (isBroken(name)) continue
      content[name] = fieldOf(c, name).normalise(content[name])
    }
    for (const name of c.fieldNames) {
      if (isBroken(name)) continue
      const found = fieldOf(c, name).check(content[name], content)
      if (found !== undefined) faults.push({ pointer: pointer(name), ...found })
    }
  }
  if (faults.length > 0) throw new Invalid(faults.slice(0, faultsMax))
  return content as Content<F>
}

const fieldOf = (c: { fields: Fields }, name: string): Field => c.fields[name] as Field

function defaultOf(field: Field, acceptedAt: string): unknown {
  if (field.fallback === 'accepted') return acceptedAt
  return field.fallback ?? (field.optional ? null : undefined)
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  value !== null && typeof value === 'object' && !Array.isArray(value)

function structural({ checker, members }: InputShape, body: unknown): Fault[] {
  if (checker.Check(body)) return []
  if (!isObject(body)) return [{ pointer: '', code: 'type', detail: 'must be a JSON object' }]
  const faults: Fault[] = []
  for (const [name, member] of Object.entries(members)) {
    const value = body[name]
    if (value === undefined) {
      if (member.required) faults.push({ pointer: pointer(name), code: 'required', detail: 'is required' })
    } else if (!member.checker.Check(value)) {
      const [error] = member.checker.Errors(value)
      faults.push({ pointer: pointer(name), code: error?.keyword ?? 'type', detail: member.expects })
    }
  }
  const known = Object.keys(members)
  const detail = `is unknown here: there are ${known.join(', ')}`
  for (const name of Object.keys(body)) {
    if (faults.length >= faultsMax) break
    if (!known.includes(name)) faults.push({ pointer: pointer(name), code: 'unknown', detail })
  }
  return faults
}
