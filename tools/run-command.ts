import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

/** Runs a program to its end with this environment alone. @throws Error with its output when it fails */
export const run = (program: string, args: string[], env: Record<string, string | undefined>) =>
  promisify(execFile)(program, args, { env, maxBuffer: 64 * 1024 * 1024 })
