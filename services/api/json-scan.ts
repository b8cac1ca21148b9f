import { type Fault, pointer } from '@ordermill/model'
import { isWrittenExactly } from './decimal.ts'

/** Strings, numbers and marks of a text that is known to be JSON. */
const tokens = /"(?:[^"\\]+|\\.)*"|-?\d[\d.eE+-]*|[{}[\],:]/gs
const names = /"\s*:/g
/** Faults that are told; the rest of a hopeless body helps nobody. */
const faultsMax = 100

/** Members of all objects in a JSON value together; -1 if it is nested deeper than `depthMax`. */
export function countMembers(value: unknown, depthMax: number): number {
  if (value === null || typeof value !== 'object') return 0
  if (depthMax === 0) return -1
  let count = Array.isArray(value) ? 0 : Object.keys(value).length
  for (const inner of Object.values(value)) {
    const within = typeof inner === 'object' ? countMembers(inner, depthMax - 1) : 0
    if (within < 0) return -1
    count += within
  }
  return count
}

/** Whether a JSON text may name more members than were read from it. Never says no where one is named twice. */
export const mayRepeat = (text: string, members: number): boolean => (text.match(names)?.length ?? 0) > members

/**
 * What reading a JSON text loses: a member that is named twice (RFC 8259 section 4: only the last one counts), and a number
 * with more digits than a double keeps. `text` must be valid JSON.
 */
export function lostInReading(text: string): Fault[] {
  const faults: Fault[] = []
  const open: { names: Set<string> | undefined; at: string | number }[] = []
  let last = ''
  const fault = (code: string, detail: string) =>
    faults.push({ pointer: pointer(...open.map(({ at }) => at)), code, detail })
  for (const [token] of text.matchAll(tokens)) {
    if (faults.length >= faultsMax) break
    const inner = open.at(-1)
    if (token === '{') open.push({ names: new Set(), at: '' })
    else if (token === '[') open.push({ names: undefined, at: 0 })
    else if (token === '}' || token === ']') open.pop()
    else if (token === ',') {
      if (inner !== undefined && typeof inner.at === 'number') inner.at += 1
    } else if (token === ':') {
      const name = String(JSON.parse(last))
      if (inner !== undefined) inner.at = name
      if (inner?.names?.has(name)) fault('repeated', 'is named twice')
      inner?.names?.add(name)
    } else if (token.startsWith('"')) last = token
    else if (!isWrittenExactly(token, Number(token)))
      fault('digits', 'has more digits than a JSON number holds exactly')
  }
  return faults
}
