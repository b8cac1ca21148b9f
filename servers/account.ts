import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'

/** Whom a server runs as. Empty: as whoever we are. */
export type Account = { uid?: number; gid?: number }

const isRoot = process.getuid?.() === 0

/**
 * The account for a server: servers refuse to run as root (or should), so root hands over to the first of these
 * system users that exists; `nobody` always does. Anybody else just stays who he is.
 */
export function accountOf(...users: string[]): Account {
  if (!isRoot) return {}
  const lines = readFileSync('/etc/passwd', 'utf8').split('\n')
  for (const user of [...users, 'nobody']) {
    const fields = lines.find((line) => line.startsWith(`${user}:`))?.split(':')
    if (fields) return { uid: Number(fields[2]), gid: Number(fields[3]) }
  }
  return { uid: 65_534, gid: 65_534 }
}

/** Makes a folder, private to the account. */
export function ownFolder(path: string, account: Account): string {
  mkdirSync(path, { recursive: true, mode: 0o700 })
  if (account.uid !== undefined && account.gid !== undefined) chownSync(path, account.uid, account.gid)
  chmodSync(path, 0o700)
  return path
}

/** Writes a file that nobody but the account may read. */
export function ownFile(path: string, text: string, account: Account): void {
  rmSync(path, { force: true })
  writeFileSync(path, text, { mode: 0o400 })
  if (account.uid !== undefined && account.gid !== undefined) chownSync(path, account.uid, account.gid)
}

/** Gives a tree to the account, for data left by an earlier start under another one. */
export function ownTree(path: string, account: Account): void {
  const { uid, gid } = account
  if (uid === undefined || gid === undefined || statSync(path).uid === uid) return
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    const child = join(path, entry.name)
    if (entry.isDirectory()) ownTree(child, account)
    else if (lstatSync(child).isFile()) chownSync(child, uid, gid)
  }
  chownSync(path, uid, gid)
}

/** The first folder on the way to `path` that other users cannot enter; undefined when all can. */
export function closedFolder(path: string): string | undefined {
  for (let folder = path; ; folder = dirname(folder)) {
    if ((statSync(folder).mode & 0o001) === 0) return folder
    if (dirname(folder) === folder) return undefined
  }
}
