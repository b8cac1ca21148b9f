import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { globSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { withLock } from '@ordermill/servers'
import { TestReport } from './test-report.ts'

const repository = join(import.meta.dirname, '..')
const tap = join(repository, 'node_modules/tap/dist/esm/run.mjs')

/** How a run of tests went. */
export type TestResult = { code: number; passed: number; failed: number }

/** The argument that asks for a summary of how much of the code the tests ran. */
const coverage = '--coverage'

/** Runs tests (all, or the files, folders and options given) with tap and reports on the console. */
export async function runTests(
  args: string[],
  env: Record<string, string | undefined>,
  signal: AbortSignal,
): Promise<TestResult> {
  const print = (line: string) => console.log(line)
  await build((what) => runTap([what], env, signal, print))
  const report = new TestReport(print)
  const files = args.filter((argument) => argument !== coverage).flatMap(filesOf)
  // Counting what runs takes a third more time, and code that was compiled before cannot be counted precisely.
  const isCounted = args.includes(coverage)
  const options = ['--reporter=tap', ...(isCounted ? [] : ['--disable-coverage'])]
  const started = isCounted ? env : { NODE_COMPILE_CACHE: join(repository, 'node_modules/.cache/compiled'), ...env }
  const code = await runTap(['run', ...files, ...options], started, signal, (line) => report.read(line))
  return { code, passed: report.passed, failed: report.failed }
}

/** tap puts its test class together from its plugins, once for each set of them; never while another run uses it. */
async function build(run: (command: string) => Promise<number>): Promise<void> {
  const inputs = ['.taprc', 'pnpm-lock.yaml'].map((file) => readFileSync(join(repository, file)))
  const wanted = createHash('sha256').update(Buffer.concat(inputs)).digest('hex')
  const marker = join(repository, 'node_modules/.ordermill-tap')
  const isBuilt = () => statSync(marker, { throwIfNoEntry: false }) && readFileSync(marker, 'utf8') === wanted
  if (isBuilt()) return
  await withLock(`${marker}.lock`, 120_000, async () => {
    if (isBuilt()) return
    if ((await run('build')) !== 0) throw new Error('tap build failed')
    writeFileSync(marker, wanted)
  })
}

/** A folder means the tests in it. */
function filesOf(argument: string): string[] {
  const isFolder = statSync(argument, { throwIfNoEntry: false })?.isDirectory()
  return isFolder ? globSync(join(argument, '**/*.test.ts'), { exclude: ['**/node_modules/**'] }) : [argument]
}

/** Runs tap to its end, in a group of its own, which is ended with us. */
function runTap(
  args: string[],
  env: Record<string, string | undefined>,
  signal: AbortSignal,
  onLine: (line: string) => void,
): Promise<number> {
  signal.throwIfAborted()
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [tap, ...args], {
      cwd: repository,
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
      detached: true,
    })
    const end = (): void => {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGTERM')
    }
    createInterface({ input: child.stdout }).on('line', onLine)
    signal.addEventListener('abort', end)
    child.once('error', reject)
    child.once('close', (code) => {
      signal.removeEventListener('abort', end)
      resolve(code ?? 1)
    })
  })
}
