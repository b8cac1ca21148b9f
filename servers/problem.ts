/** What went wrong with a server, for `switch`es and tests; the sentence for people is in the message. */
export type ProblemCode =
  | 'PORT_TAKEN'
  | 'PROGRAM_MISSING'
  | 'JAVA_MISSING'
  | 'DOWNLOAD_FAILED'
  | 'DISK_FULL'
  | 'ALREADY_RUNNING'
  | 'UNREACHABLE_FOLDER'
  | 'BAD_OPTION'
  | 'NOT_READY'
  | 'ENDED'

/** A server cannot be had. The message is whole sentences: what is wrong, then what to do; it is shown without a stack. */
export class ServerProblem extends Error {
  override readonly name = 'ServerProblem'
  readonly code: ProblemCode

  constructor(code: ProblemCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}

/** Any thrown value as an Error. */
export function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown))
}

/** The code of a system error (`ENOSPC`, `EADDRINUSE`, …), if it is one. */
export function errnoOf(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error) || !('code' in thrown)) return undefined
  return typeof thrown.code === 'string' ? thrown.code : undefined
}

/** Turns a full disk, however it shows, into its sentence; every other error comes back as it is. */
export function explainDisk(thrown: unknown, folder: string): Error {
  const error = toError(thrown)
  const full =
    errnoOf(thrown) === 'ENOSPC' || errnoOf(thrown) === 'EDQUOT' || /no space left on device/i.test(error.message)
  return full && !(error instanceof ServerProblem) ? diskFull(folder, error) : error
}

/** The sentence for a full disk. */
export function diskFull(folder: string, cause?: unknown): ServerProblem {
  return new ServerProblem(
    'DISK_FULL',
    `The disk that holds ${folder} is full. Free some space there and start again.`,
    {
      cause,
    },
  )
}
