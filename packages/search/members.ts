import { type Fault, nearest, oneOf, pointer } from '@ordermill/model'

export type Json = Record<string, unknown>
export type Path = (string | number)[]

export const isObject = (value: unknown): value is Json =>
  value !== null && typeof value === 'object' && !Array.isArray(value)

/** More faults help nobody. */
const faultsMax = 100

/** What is wrong with a query so far, and how much it asks for. */
export class Faults {
  readonly list: Fault[] = []

  add(path: Path, code: string, detail: string): undefined {
    if (this.list.length < faultsMax) this.list.push({ pointer: pointer(...path), code, detail })
    return undefined
  }

  /** An object whose members are all known; undefined, and told, if it is none. */
  object(value: unknown, path: Path, known: readonly string[]): Json | undefined {
    if (!isObject(value)) return this.add(path, 'type', 'must be a JSON object')
    for (const name of Object.keys(value)) {
      if (this.list.length >= faultsMax) break // looking for a near name is work
      if (!known.includes(name)) this.add([...path, name], 'unknown', unknownName(name, known))
    }
    return value
  }

  /** A list of `min` to `max`. */
  listOf(value: unknown, path: Path, max: number): unknown[] | undefined {
    if (Array.isArray(value) && value.length >= 1 && value.length <= max) return value
    return this.add(path, Array.isArray(value) ? 'length' : 'type', `must be a list of 1 to ${max}`)
  }

  /** One of these words. */
  word<W extends string>(value: unknown, path: Path, words: readonly W[]): W | undefined {
    return words.find((word) => word === value) ?? this.add(path, 'enum', oneOf(words, value))
  }

  /** A whole number from `min` to `max`; `otherwise` if it is absent. */
  whole(value: unknown, path: Path, { min, max, otherwise }: { min: number; max: number; otherwise: number }): number {
    if (value === undefined) return otherwise
    if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value
    this.add(path, 'range', `must be a whole number from ${min} to ${max}`)
    return otherwise
  }

  /** true or false; false if it is absent. */
  flag(value: unknown, path: Path): boolean {
    if (value !== undefined && typeof value !== 'boolean') this.add(path, 'type', 'must be true or false')
    return value === true
  }

  /** Text of 1 to `max` characters that can be stored. */
  text(value: unknown, path: Path, max: number): string | undefined {
    if (typeof value !== 'string' || value.length === 0 || value.length > max)
      return this.add(path, 'length', `must be text of 1 to ${max} characters`)
    if (value.includes('\u0000')) return this.add(path, 'nul', 'must not contain the character U+0000')
    if (!value.isWellFormed()) return this.add(path, 'surrogate', 'must not contain half of a surrogate pair')
    return value
  }
}

/** What to say of a name that is not known. */
export function unknownName(name: string, known: readonly string[]): string {
  const near = nearest(name, known)
  return near === undefined
    ? `is unknown here: there are ${known.join(', ')}`
    : `is unknown here: did you mean ${near}? There are ${known.join(', ')}`
}
