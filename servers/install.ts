import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { withLock } from './lock.ts'
import { explainDisk, ServerProblem } from './problem.ts'
import { type Env, findProgram, pathOf, run } from './programs.ts'

const LOCK = '/var/lib/ordermill/apt.lock'
const POLICY = '/usr/sbin/policy-rc.d'

/** A program that is not there, and what brings it. */
export type Missing = { title: string; aptPackage: string; hint: string }

/**
 * Installs what is missing with apt, as root, in one go and without questions; `stillMissing` is asked again under
 * the lock, since another start may have installed it meanwhile. Throws PROGRAM_MISSING, one sentence for all, where
 * there is no root or no apt.
 */
export async function install(stillMissing: () => Missing[], env: Env, log: (line: string) => void): Promise<void> {
  const missing = stillMissing()
  if (missing.length === 0) return
  const apt = findProgram('apt-get', env)
  if (process.getuid?.() !== 0 || !apt) throw missingSentence(missing, apt !== undefined)
  await withLock(LOCK, 900_000, async () => {
    const packages = stillMissing().map(({ aptPackage }) => aptPackage)
    if (packages.length === 0) return
    log(`Installing ${packages.join(', ')} with apt (once)`)
    await withoutServiceStarts(() => aptInstall(apt, packages, env))
  })
  const left = stillMissing()
  if (left.length > 0) throw missingSentence(left, true)
}

async function aptInstall(apt: string, packages: string[], env: Env): Promise<void> {
  const options = {
    env: { PATH: pathOf(env), DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C.UTF-8', ...proxies(env) },
    maxBuffer: 64 * 1024 * 1024,
    timeout: 900_000,
  }
  const quiet = ['-q', '-y', '-o', 'DPkg::Lock::Timeout=600', '-o', 'Acquire::Retries=3']
  try {
    await run(apt, [...quiet, 'update'], options).catch(() => undefined)
    await run(
      apt,
      [...quiet, '-o', 'Dpkg::Options::=--force-confold', 'install', '--no-install-recommends', ...packages],
      options,
    )
  } catch (error) {
    const cause = explainDisk(error, '/var')
    if (cause instanceof ServerProblem) throw cause
    const said = /^E: .*$/m.exec(cause.message)?.[0] ?? cause.message.split('\n')[0]
    throw new ServerProblem(
      'PROGRAM_MISSING',
      `apt could not install ${packages.join(', ')}: ${said}. Install them by hand and start again.`,
      { cause },
    )
  }
}

function proxies(env: Env): Record<string, string> {
  const names = ['http_proxy', 'https_proxy', 'no_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY']
  return Object.fromEntries(names.flatMap((name) => (env[name] ? [[name, env[name]]] : [])))
}

/** Debian starts a service as soon as it is installed, on its standard port: we want the program, not the service. */
async function withoutServiceStarts(work: () => Promise<void>): Promise<void> {
  const policyIsOurs = !existsSync(POLICY)
  if (policyIsOurs) writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  try {
    await work()
  } finally {
    if (policyIsOurs) rmSync(POLICY, { force: true })
  }
}

function missingSentence(missing: Missing[], hasApt: boolean): ServerProblem {
  const titles = missing.map(({ title }) => title).join(', ')
  const packages = missing.map(({ aptPackage }) => aptPackage).join(' ')
  const remedy = hasApt
    ? `Install with: sudo apt-get install ${packages}`
    : `Install ${missing.map(({ hint }) => hint).join('; ')}`
  const names = environmentNames(missing)
  return new ServerProblem(
    'PROGRAM_MISSING',
    `${titles}: not installed. ${remedy}${names === '' ? '' : `; or point ${names} to a running one`}.`,
  )
}

function environmentNames(missing: Missing[]): string {
  const names: Record<string, string> = {
    'PostgreSQL 15 or later': 'POSTGRES_DSN',
    Redis: 'REDIS_ADDR',
    RabbitMQ: 'RABBITMQ_URL',
  }
  return missing.flatMap(({ title }) => names[title] ?? []).join(', ')
}
