import { type DestinationStream, type Logger, pino } from 'pino'

export type { Logger }

/** Values under these names never reach a log line, down to two levels inside what is logged. */
const secrets = ['authorization', 'cookie', 'password', 'dsn', 'token', 'apiKey'].concat(
  ['POSTGRES_DSN', 'REDIS_ADDR', 'RABBITMQ_URL', 'ELASTICSEARCH_URL', 'ELASTICSEARCH_API_KEY', 'ADMIN_TOKEN'], // options, by their names
)
const censor = '*****'

/**
 * JSON lines on `stream` (standard output): ISO time, level as a word, and which service speaks. Each part of it takes a child
 * with its `component`.
 */
export function createLogger({
  service,
  level,
  stream,
}: {
  service: string
  level: string
  stream?: DestinationStream
}): Logger {
  const options = {
    level,
    base: { service },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: describeError },
    redact: { paths: secrets.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]), censor },
  }
  return stream === undefined ? pino(options) : pino(options, stream)
}

/**
 * An error as a line tells it: class, message, code and stack, with those of its causes. Nothing else of it: drivers hang the
 * command that failed on their errors, with whole records and addresses in it.
 */
function describeError(thrown: unknown): unknown {
  if (!(thrown instanceof Error)) return thrown
  const { type, message, stack } = pino.stdSerializers.err(thrown)
  const code = 'code' in thrown ? thrown.code : undefined
  return {
    type,
    message: withoutCredentials(message),
    ...(typeof code === 'string' || typeof code === 'number' ? { code } : {}),
    stack: withoutCredentials(stack),
  }
}

/** What stands between `://` and `@` of a URL is for nobody's eyes. */
const withoutCredentials = (text: string) => text.replace(/:\/\/[^\s/@]*@/g, `://${censor}@`)
