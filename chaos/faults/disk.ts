import { execFile } from 'node:child_process'
import { chmodSync, closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { accountOf, ownFolder } from '../../servers/account.ts'
import type { Scene } from '../scenarios/scenario.ts'

/** Megabytes of the disk that is to be full. */
const size_mb = 64
const run = promisify(execFile)
/** Not among the data: what stays mounted after a kill -9 must not be in the way of the next run. */
const folder = join(tmpdir(), `ordermill-small-${process.pid}`)
const ballast = join(folder, 'ballast')

/** Only root may mount a disk that is small enough. */
export const cannotMount = (): string | undefined =>
  process.platform === 'linux' && process.getuid?.() === 0 ? undefined : 'mounting a small disk takes root on Linux'

/** The orders move to a small disk, on which no space is left then. */
export async function fillTablespace(scene: Scene): Promise<void> {
  const { pool } = scene.stack.stores
  mkdirSync(folder, { recursive: true })
  await run('mount', ['-t', 'tmpfs', '-o', `size=${size_mb}m`, 'chaos', folder])
  scene.finally(async () => {
    await run('umount', ['--lazy', folder])
    rmSync(folder, { recursive: true })
  })
  ownFolder(folder, accountOf('postgres'))
  chmodSync(folder, 0o700)
  await pool.query(`CREATE TABLESPACE chaos_small LOCATION '${folder}'`)
  scene.finally(() => pool.query('DROP TABLESPACE chaos_small'))
  await pool.query('ALTER TABLE orders SET TABLESPACE chaos_small')
  scene.finally(() => pool.query('ALTER TABLE orders SET TABLESPACE pg_default'))
  const file = openSync(ballast, 'w')
  try {
    for (const bytes of [1 << 20, 1 << 12]) fill(file, Buffer.alloc(bytes))
  } finally {
    closeSync(file)
  }
}

function fill(file: number, block: Buffer): void {
  for (let blocks = 0; blocks < size_mb * 256; blocks += 1)
    try {
      writeSync(file, block)
    } catch {
      return // it is full
    }
}

/** There is space again. */
export const freeTablespace = async (): Promise<void> => rmSync(ballast, { force: true })
