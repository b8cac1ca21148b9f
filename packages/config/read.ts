import type { ByEnvironment, Option } from './kinds.ts'
import { type Options, options } from './options.ts'

type Environment = Record<string, string | undefined>

/** One or more options are missing or out of range; the message has a line for each. */
export class ConfigError extends Error {
  readonly faults: string[]
  constructor(faults: string[]) {
    super(`The configuration is not usable:\n${faults.map((fault) => `  ${fault}`).join('\n')}`)
    this.name = 'ConfigError'
    this.faults = faults
  }
}

/** One row of the configuration table. `value` is masked where it is a secret. */
export interface OptionRow {
  name: string
  value: string
  set: boolean
  /** What stands in while it is not set, under the NODE_ENV of the environment; '' also where it is required. */
  fallback: string
  /** The same in production and elsewhere; undefined: required there. */
  fallbacks: { production: string | undefined; otherwise: string | undefined }
  /** What is wrong with the value that is set. */
  fault: string | undefined
  range: string
  about: string
}

/**
 * Reads the named options from an environment.
 * @throws ConfigError naming each option that is missing or out of range, its value (secrets masked) and its range.
 */
export function readOptions<N extends keyof Options>(env: Environment, names: readonly N[]): Options<N> {
  const faults: string[] = []
  const values = names.map((name) => {
    const option = options[name] as Option<unknown>
    const fallback = fallbackOf(option, env['NODE_ENV'])
    const text = env[name] ?? fallback
    if (text === undefined || (text === '' && fallback === undefined)) {
      faults.push(`${name} is missing: ${option.about} It takes ${option.range}.`)
      return [name, undefined]
    }
    const fault = faultOf(name, option, text)
    if (fault === undefined) return [name, option.parse(text)]
    faults.push(fault)
    return [name, undefined]
  })
  if (faults.length > 0) throw new ConfigError(faults)
  return Object.fromEntries(values) as Options<N>
}

/** Every option with its default, its range and what is set, for `npm run config` and the docs. */
export function describeOptions(env: Environment): OptionRow[] {
  return Object.entries(options as Record<string, Option<unknown>>).map(([name, option]) => {
    const set = env[name]
    const fallback = fallbackOf(option, env['NODE_ENV']) ?? ''
    const value = set ?? fallback
    return {
      name,
      value: option.secret && value !== '' ? '*****' : value,
      set: set !== undefined,
      fallback,
      fallbacks: { production: fallbackOf(option, 'production'), otherwise: fallbackOf(option, 'development') },
      fault: set === undefined ? undefined : faultOf(name, option, set),
      range: option.range,
      about: option.about,
    }
  })
}

/** Why an option cannot be `text`; undefined if it can. */
function faultOf(name: string, option: Option<unknown>, text: string): string | undefined {
  try {
    option.parse(text)
    return undefined
  } catch {
    return `${name} is ${option.secret ? '*****' : JSON.stringify(text)}: it takes ${option.range}.`
  }
}

function fallbackOf({ fallback }: Option<unknown>, mode: string | undefined): string | undefined {
  if (typeof fallback !== 'object') return fallback
  const table: ByEnvironment = fallback
  return mode === 'production' ? table.production : table.otherwise
}
