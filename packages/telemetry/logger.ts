import { type Logger, pino } from 'pino'

export type { Logger }

/** Values under these names never reach a log line. */
const secrets = ['authorization', '*.authorization', 'password', 'dsn']

/**
 * JSON lines on standard output: ISO time, level as a word, and which service speaks. Each part of it takes a child
 * with its `component`.
 */
export function createLogger({ service, level }: { service: string; level: string }): Logger {
  return pino({
    level,
    base: { service },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: { paths: secrets, censor: '*****' },
  })
}
