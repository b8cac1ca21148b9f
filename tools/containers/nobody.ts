import { execFile } from 'node:child_process'
import { copyFileSync, existsSync, linkSync, mkdirSync, realpathSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { environment } from '@ordermill/config'
import { type Account, accountOf, closedFolder, ownFolder } from '../../servers/account.ts'
import { findProgram } from '../../servers/programs.ts'

export type { Account }

const execute = promisify(execFile)
type RunOptions = { cwd?: string; env?: Record<string, string>; uid?: number; gid?: number }

/** Runs a program to its end and gives what it said. @throws Error with all it said if it fails */
export async function run(program: string, args: string[], options: RunOptions = {}): Promise<string> {
  try {
    const { stdout, stderr } = await execute(program, args, { ...options, maxBuffer: 16 * 1024 * 1024 })
    return stdout + stderr
  } catch (thrown) {
    const { stdout = '', stderr = '', code } = thrown as { stdout?: string; stderr?: string; code?: unknown }
    throw new Error(`${program} ${args.join(' ')} ended with ${String(code)}:\n${stdout}${stderr}`, { cause: thrown })
  }
}

/** Somebody without rights: who runs the commands of the images, and the services. */
export interface Nobody {
  account: Account
  /** A clean environment that finds Node, corepack and the network, and a home that keeps downloads between runs. */
  env: Record<string, string>
  /** The PATH of `env`: all that a service is given of it. */
  path: string
}

/** What of our environment a download needs. All else stays with us: tap's variables, addresses, tokens. */
const forDownloads =
  /^(NODE_EXTRA_CA_CERTS|SSL_CERT_(FILE|DIR)|(https?|no)_proxy|HTTPS?_PROXY|NO_PROXY|npm_config_registry)$/

/**
 * The account `nobody` where we are root, ourselves otherwise; `folder` keeps what it downloads.
 * Undefined where there is no corepack that it may run.
 */
export function nobodyIn(folder: string): Nobody | undefined {
  const ours = environment()
  const corepack = findProgram('corepack', ours)
  const account = accountOf()
  if (corepack === undefined || (account.uid !== undefined && closedFolder(realpathSync(corepack)) !== undefined))
    return undefined
  mkdirSync(folder, { recursive: true, mode: 0o755 })
  const kept = Object.entries(ours).flatMap(([name, value]) =>
    forDownloads.test(name) && value !== undefined ? [[name, value] as const] : [],
  )
  const { npm_config_registry: registry } = ours
  const path = [nodeFolder(folder), '/usr/local/bin', '/usr/bin', '/bin', dirname(corepack)].join(delimiter)
  return {
    account,
    path,
    env: {
      ...Object.fromEntries(kept),
      ...(registry === undefined ? {} : { COREPACK_NPM_REGISTRY: registry }),
      PATH: path,
      HOME: ownFolder(join(folder, 'home'), account),
      CI: 'true',
    },
  }
}

/** A folder with the Node that runs this, where anybody may run it, wherever the checkout is. */
function nodeFolder(folder: string): string {
  const made = join(folder, `node-${process.version}`)
  const node = join(made, 'node')
  if (existsSync(node)) return made
  mkdirSync(made, { recursive: true, mode: 0o755 })
  try {
    linkSync(realpathSync(process.execPath), node)
  } catch {
    copyFileSync(process.execPath, node)
  }
  return made
}
