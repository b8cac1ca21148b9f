import { execFile } from 'node:child_process'
import { accessSync, constants, readdirSync, statSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'

/** The environment, as handed in: this package never reads the process's own. */
export type Env = Record<string, string | undefined>

/** Runs a program to its end; throws with its output when it fails. Never inherits stdin. */
export const run = promisify(execFile)

/** The system folders that a PATH of a non-login shell or a CI runner often lacks. */
const SYSTEM_FOLDERS = [
  '/usr/local/sbin',
  '/usr/local/bin',
  '/usr/sbin',
  '/usr/bin',
  '/sbin',
  '/bin',
  '/opt/homebrew/bin',
]

/** The PATH for what we start: the given one, then the system's folders. */
export function pathOf(env: Env): string {
  return [...(env.PATH ?? '').split(delimiter), ...SYSTEM_FOLDERS].filter(Boolean).join(delimiter)
}

/** The full path of a program: looked for in `folders` first, then along the PATH. */
export function findProgram(name: string, env: Env, folders: string[] = []): string | undefined {
  return [...folders, ...pathOf(env).split(delimiter)].map((folder) => join(folder, name)).find(isExecutable)
}

/** Folders that match a pattern with one `*` in one of its parts, the highest version first. */
export function foldersLike(pattern: string): string[] {
  const [before = '', after = ''] = pattern.split('*')
  const parent = before.endsWith('/') ? before : dirname(before)
  const prefix = before.slice(parent.length).replace(/^\//, '')
  try {
    return readdirSync(parent)
      .filter((entry) => entry.startsWith(prefix))
      .sort((a, b) => b.localeCompare(a, 'en', { numeric: true }))
      .map((entry) => join(parent, entry) + after)
  } catch {
    return []
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}
