import { createHash } from 'node:crypto'
import { chmodSync, lstatSync, mkdirSync, readdirSync, realpathSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { closedFolder } from './account.ts'
import { holderOf } from './lock.ts'
import { ServerProblem } from './problem.ts'

/** The checkout this file is in. */
const repository = dirname(import.meta.dirname)

const KEPT_TEST_FOLDERS = 3
const DAY_MS = 24 * 3600 * 1000

/**
 * `.servers` of this checkout, where data, logs and downloads live. As root, servers run as other users, who must be
 * able to enter it: where they cannot (a checkout under /root), `.servers` becomes a link to a folder of /var/lib.
 */
export function serversFolder(): string {
  const folder = join(repository, '.servers')
  const closed = process.getuid?.() === 0 ? closedFolder(repository) : undefined
  if (closed && !exists(folder)) {
    const open = join(
      '/var/lib/ordermill',
      `${basename(repository)}-${createHash('sha256').update(repository).digest('hex').slice(0, 8)}`,
    )
    mkdirSync(open, { recursive: true, mode: 0o755 })
    symlinkSync(open, folder)
  }
  mkdirSync(folder, { recursive: true })
  const real = realpathSync(folder)
  chmodSync(real, 0o755)
  const stillClosed = process.getuid?.() === 0 ? closedFolder(real) : undefined
  if (stillClosed) {
    throw new ServerProblem(
      'UNREACHABLE_FOLDER',
      `Servers do not run as root, and other users cannot enter ${stillClosed}. Move ${folder} away, or allow it with: chmod o+x ${stillClosed}`,
    )
  }
  return real
}

/** Removes what earlier test runs left, except for the youngest few: those of a failed run are its evidence. */
export function pruneTestFolders(servers: string): void {
  const left = readdirSync(servers)
    .filter((name) => name.startsWith('test-'))
    .map((name) => join(servers, name))
    .filter((folder) => !holderOf(join(folder, 'owner.lock')))
    .map((folder) => ({ folder, age: Date.now() - statSync(folder).mtimeMs }))
    .sort((a, b) => a.age - b.age)
  left.forEach(({ folder, age }, index) => {
    // Very young ones may be just about to get their owner.
    if (age > 60_000 && (index >= KEPT_TEST_FOLDERS || age > DAY_MS)) rmSync(folder, { recursive: true, force: true })
  })
}

function exists(path: string): boolean {
  try {
    lstatSync(path)
    return true
  } catch {
    return false
  }
}
