import { cpSync, existsSync, mkdirSync, readFileSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'
import { execForm, type Instruction, parseDockerfile, type Stage, variablesOf } from './dockerfile.ts'
import { includedBy } from './ignore.ts'
import { type Account, run } from './nobody.ts'

/** What an image would hold and start, as a folder on this machine. */
export interface Tree {
  /** The image's root folder, and in it the one the service starts in. */
  root: string
  workdir: string
  env: Record<string, string>
  user: string
  entrypoint: string[]
  healthcheck: string[]
}

interface Parts {
  repository: string
  /** Where the stages get a folder each. */
  folder: string
  /** Who runs the commands of the stages, and in which environment. */
  account: Account
  env: Record<string, string>
}

/**
 * Does what building an image does, without an engine: every COPY from what .dockerignore lets through, every RUN with
 * the words of the Dockerfile, in the order of the Dockerfile. Only the base image is not there.
 * @throws Error with its output if a command fails, or if a file to copy is missing
 */
export async function buildTree(dockerfile: string, parts: Parts): Promise<Tree> {
  const stages = parseDockerfile(readFileSync(join(parts.repository, dockerfile), 'utf8'))
  const made = new Map<string, Tree>()
  let last: Tree | undefined
  for (const [index, stage] of stages.entries()) {
    last = await buildStage(stage, join(parts.folder, `${dockerfile}-${index}`), made, parts)
    if (stage.name !== undefined) made.set(stage.name, last)
  }
  if (last === undefined) throw new Error(`${dockerfile} has no stages`)
  return last
}

async function buildStage(stage: Stage, root: string, made: Map<string, Tree>, parts: Parts): Promise<Tree> {
  const tree: Tree = { root, workdir: root, env: {}, user: 'root', entrypoint: [], healthcheck: [] }
  mkdirSync(root, { recursive: true, mode: 0o755 })
  const base = made.get(stage.image)
  if (base !== undefined) {
    await run('cp', ['-RP', `${base.root}/.`, root])
    tree.workdir = join(root, relative(base.root, base.workdir))
  }
  for (const instruction of stage.instructions) {
    const { name, rest } = instruction
    if (name === 'ENV') Object.assign(tree.env, variablesOf(rest))
    else if (name === 'WORKDIR') tree.workdir = madeFolder(join(root, rest))
    else if (name === 'COPY') await copy(instruction, tree, made, parts.repository)
    else if (name === 'RUN') await runAs(rest, tree, parts)
    else if (name === 'USER') tree.user = rest
    else if (name === 'ENTRYPOINT') tree.entrypoint = execForm(rest)
    else if (name === 'HEALTHCHECK') tree.healthcheck = execForm(rest.replace(/^CMD /, ''))
  }
  return tree
}

function madeFolder(path: string): string {
  mkdirSync(path, { recursive: true })
  return path
}

async function runAs(command: string, tree: Tree, { account, env }: Parts): Promise<void> {
  if (account.uid !== undefined) await run('chown', ['-R', `${account.uid}:${account.gid ?? ''}`, tree.workdir])
  await run('sh', ['-ec', command], { cwd: tree.workdir, env: { ...env, ...tree.env }, ...account })
}

async function copy({ flags, rest }: Instruction, tree: Tree, made: Map<string, Tree>, repository: string) {
  const words = rest.split(/\s+/)
  const target = words.pop() ?? ''
  const destination = join(tree.workdir, target)
  mkdirSync(destination, { recursive: true })
  const from = flags.get('from')
  for (const source of words) {
    if (from === undefined) copyFromRepository(repository, source, destination, target.endsWith('/'))
    else await run('cp', ['-RP', `${join(made.get(from)?.root ?? `no stage ${from}`, source)}/.`, destination])
  }
}

function copyFromRepository(repository: string, source: string, destination: string, isFolder: boolean): void {
  const path = join(repository, source)
  const included = includedBy(readFileSync(join(repository, '.dockerignore'), 'utf8'))
  if (!existsSync(path) || !included(source))
    throw new Error(`COPY ${source}: no such file, or left out by .dockerignore`)
  if (statSync(path).isDirectory())
    cpSync(path, destination, {
      recursive: true,
      verbatimSymlinks: true,
      filter: (file) => included(relative(repository, file)),
    })
  else if (isFolder) cpSync(path, join(destination, source.slice(source.lastIndexOf('/') + 1)))
  else throw new Error(`COPY ${source}: end the target with / to copy a file into it`)
}
