// Runs a script of this repository on the Node that comes with its packages, in a bare clone too:
//   node tools/run.mjs <script.ts> [arguments]
// Plain JavaScript for whatever Node the machine has (20 or later): it fetches the packages when they are missing or
// not those of the lock file, then hands over.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const node = join(root, 'node_modules/node/bin/node')
const marker = join(root, 'node_modules/.ordermill-lock')
const lockHash = createHash('sha256')
  .update(readFileSync(join(root, 'pnpm-lock.yaml')))
  .digest('hex')

const [script, ...args] = process.argv.slice(2)
if (script === undefined) fail('Usage: node tools/run.mjs <script.ts> [arguments]')
await bootstrap()
run()

function isInstalled() {
  return existsSync(node) && existsSync(marker) && readFileSync(marker, 'utf8') === lockHash
}

async function bootstrap() {
  if (isInstalled()) return
  const name = createHash('sha256').update(root).digest('hex').slice(0, 12)
  const lock = join(tmpdir(), `ordermill-install-${name}`)
  await takeLock(lock)
  const unlock = () => rmSync(lock, { recursive: true, force: true })
  process.once('exit', unlock)
  if (!isInstalled()) install()
  process.off('exit', unlock)
  unlock()
}

// A folder is made by one process only. The pid in it tells whether that one still lives.
async function takeLock(lock) {
  for (let tries = 0; tries < 3000; tries++) {
    try {
      mkdirSync(lock)
      writeFileSync(join(lock, 'pid'), String(process.pid))
      return
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
      if (tries > 10 && !isHeld(lock)) rmSync(lock, { recursive: true, force: true })
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
  }
  fail(`Another install of the packages does not end. Remove ${lock} and start again.`)
}

function isHeld(lock) {
  try {
    process.kill(Number(readFileSync(join(lock, 'pid'), 'utf8')), 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

function install() {
  console.error('Fetching the packages with pnpm (once, until the lock file changes)')
  const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const pnpm = packageManager.split('+')[0]
  const what = ['install', '--frozen-lockfile', '--config.confirm-modules-purge=false']
  const npm = process.env.npm_execpath?.endsWith('npm-cli.js') ? [process.execPath, process.env.npm_execpath] : ['npm']
  const ways = [
    [...npm, 'exec', '--yes', '--package', pnpm, '--', 'pnpm', ...what],
    ['corepack', 'pnpm', ...what],
  ]
  const env = { ...process.env, CI: 'true', COREPACK_ENABLE_DOWNLOAD_PROMPT: '0' }
  const said = []
  for (const [program, ...rest] of ways) {
    const { status, stdout, stderr, error } = spawnSync(program, rest, {
      cwd: root,
      env,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    if (status === 0 && existsSync(node)) {
      forgetPages(node)
      writeFileSync(marker, lockHash)
      return
    }
    said.push(`$ ${program} ${rest.join(' ')}\n${error?.message ?? `${stdout}${stderr}`.trim()}`)
  }
  fail(`${said.join('\n\n')}\n\nThe packages could not be fetched: read above why, and start again.`)
}

// A file that was just written is cached in large pieces, and Linux maps a whole piece into a process that touches a part of it: each
// process of ours held 26 MB more of that program than it needs. Read anew it comes in small ones. GNU's tools know how; where there are
// none, all stays as it is.
function forgetPages(file) {
  const quietly = { stdio: 'ignore', timeout: 10_000 }
  spawnSync('sync', ['-d', file], quietly)
  spawnSync('dd', [`if=${file}`, 'of=/dev/null', 'iflag=nocache', 'count=0'], quietly)
}

function run() {
  // A group of its own, so that a Ctrl-C reaches the script once, by us, and not a second time from the terminal:
  // to our scripts the second signal means "at once". The channel tells the script when we are gone.
  const child = spawn(node, [script, ...args], { stdio: ['inherit', 'inherit', 'inherit', 'ipc'], detached: true })
  const last = new Map()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      // npm passes on what the terminal has sent us as well: the same signal twice within a moment is one.
      const now = performance.now()
      if (now - (last.get(signal) ?? -Infinity) < 300) return
      last.set(signal, now)
      child.kill(signal)
    })
  }
  watchParent(child)
  child.once('error', (error) => fail(`${node}: ${error.message}`))
  child.once('exit', (code, signal) => {
    if (code !== null) process.exit(code)
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.removeAllListeners(name)
    process.kill(process.pid, signal)
  })
}

// npm, killed hard, tells us nothing; nor do the shells between us. So watch the line of parents up to npm: one that
// changes means that somebody in it has died.
function watchParent(child) {
  if (process.env.npm_lifecycle_event === undefined) return
  const before = String(parents())
  const timer = setInterval(() => {
    if (String(parents()) === before) return
    clearInterval(timer)
    child.kill('SIGTERM')
  }, 500)
  timer.unref()
}

function parents() {
  const line = [process.ppid]
  try {
    for (let pid = process.ppid; line.length < 5; line.push(pid)) {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
      if (/\((npm|pnpm|yarn)/.test(stat)) return line
      pid = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
    }
  } catch {
    // No /proc here, or a parent has died this moment.
  }
  return line.slice(0, 1)
}

function fail(message) {
  console.error(message)
  process.exit(1)
}
