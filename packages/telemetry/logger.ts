import { type Logger, pino } from 'pino'

export type { Logger }

/** Values under these names never reach a log line. */
const secrets = ['req.headers.authorization', 'authorization', 'password', 'dsn']

/** JSON lines on standard output: ISO time, level as a word, and which component speaks. */
export function createLogger({ component, level }: { component: string; level: string }): Logger {
  return pino({
    level,
    base: { component },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: { paths: secrets, censor: '*****' },
  })
}
