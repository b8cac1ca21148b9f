import type { Logger } from '@ordermill/telemetry'
import type { World } from './world.ts'

/** A log whose lines go to the trace. */
export function traceLogger({ trace }: World, name: string): Logger {
  const tell = (level: string) => (fields: unknown, message?: string) =>
    trace(() => `${name}: ${level}: ${message ?? String(fields)}${reasonOf(fields)}`)
  const log = {
    debug: () => undefined,
    info: tell('info'),
    warn: tell('warn'),
    error: tell('error'),
    child: () => log,
    isLevelEnabled: () => false,
  }
  return log as unknown as Logger
}

const reasonOf = (fields: unknown): string => {
  if (fields === null || typeof fields !== 'object' || !('err' in fields)) return ''
  return ` (${fields.err instanceof Error ? fields.err.message : String(fields.err)})`
}

const nothing = { inc: () => undefined, set: () => undefined, observe: () => undefined }

/** Metrics that nobody reads. */
export const noMetrics = <T extends object>(): T => new Proxy({}, { get: () => nothing }) as T
