import { createHash } from 'node:crypto'
import { createReadStream, existsSync } from 'node:fs'
import { chmod, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { withLock } from './lock.ts'
import { explainDisk, ServerProblem } from './problem.ts'
import { type Env, findProgram, run } from './programs.ts'

/** The distribution: published on Maven Central, complete but for most of its modules. Its SHA-256 is pinned. */
export const ELASTICSEARCH_VERSION = '9.2.4'
const SHA256 = 'af7b81fe31627c7523b2546351cd4e47310faa6a72c8db8dc8f7a191e871cfaf'
const ARTIFACT = `org.elasticsearch.distribution.integ-test-zip:elasticsearch:${ELASTICSEARCH_VERSION}:zip`

const PLUGIN_SOURCE = join(import.meta.dirname, 'elasticsearch-plugin')
const PLUGIN_FILES = ['AnalysisComponents.java', 'plugin-descriptor.properties']

/** What making a home needs. `cache` is shared by all starts and tests, also at the same time. */
export type HomeNeeds = { cache: string; jdk: string; env: Env; log: (line: string) => void }

/**
 * The folder of an Elasticsearch with our analysis plugin, downloaded and put together when it is not in the cache.
 * A folder under its final name is whole: it got that name last. Throws DOWNLOAD_FAILED, or DISK_FULL.
 */
export async function elasticsearchHome(needs: HomeNeeds): Promise<string> {
  const home = join(needs.cache, `elasticsearch-${ELASTICSEARCH_VERSION}-${await pluginVersion()}`)
  if (existsSync(home)) return home
  try {
    await mkdir(needs.cache, { recursive: true, mode: 0o755 })
    return await withLock(join(needs.cache, 'elasticsearch.lock'), 900_000, async () => {
      if (!existsSync(home)) await assemble(home, needs)
      return home
    })
  } catch (error) {
    throw explainDisk(error, needs.cache)
  }
}

async function pluginVersion(): Promise<string> {
  const hash = createHash('sha256')
  for (const file of PLUGIN_FILES) hash.update(await readFile(join(PLUGIN_SOURCE, file)))
  return hash.digest('hex').slice(0, 12)
}

async function assemble(home: string, needs: HomeNeeds): Promise<void> {
  const work = join(needs.cache, `work-${process.pid}`)
  await rm(work, { recursive: true, force: true })
  await mkdir(work)
  try {
    const zip = await fetchZip(work, needs)
    await run(join(needs.jdk, 'bin/jar'), ['--extract', '--file', zip], { cwd: work })
    const made = join(work, `elasticsearch-${ELASTICSEARCH_VERSION}`)
    await buildPlugin(made, work, needs.jdk)
    await openToAll(made)
    await rename(made, home)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** The verified zip: kept in the cache, since another version of the plugin needs it again. */
async function fetchZip(work: string, { cache, jdk, env, log }: HomeNeeds): Promise<string> {
  const name = `elasticsearch-${ELASTICSEARCH_VERSION}.zip`
  const kept = join(cache, name)
  if (existsSync(kept) && (await sha256(kept)) === SHA256) return kept
  const mvn = findProgram('mvn', env)
  if (!mvn) throw downloadFailed('Maven (mvn) is not installed. Install it')
  log(`Downloading Elasticsearch ${ELASTICSEARCH_VERSION} (100 MB, once)`)
  const copy = ['-B', '-q', 'dependency:copy', `-Dartifact=${ARTIFACT}`, `-DoutputDirectory=${work}`]
  try {
    await run(mvn, copy, { cwd: work, env: { ...env, JAVA_HOME: jdk }, timeout: 600_000, maxBuffer: 16 * 1024 * 1024 })
  } catch (error) {
    const disk = explainDisk(error, cache)
    if (disk instanceof ServerProblem) throw disk
    throw downloadFailed('Maven could not fetch it. See to the network (or its settings.xml)', error)
  }
  const fetched = join(work, name)
  if (!existsSync(fetched) || (await sha256(fetched)) !== SHA256) {
    throw downloadFailed(
      'What Maven fetched is not the file it should be (its SHA-256 differs). Look at the repository it uses',
    )
  }
  await rename(fetched, kept)
  return kept
}

function downloadFailed(why: string, cause?: unknown): ServerProblem {
  return new ServerProblem('DOWNLOAD_FAILED', `Elasticsearch: ${why} and start again.`, { cause })
}

async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}

async function buildPlugin(home: string, work: string, jdk: string): Promise<void> {
  const classes = join(work, 'classes')
  const plugin = join(home, 'plugins/ordermill-analysis')
  const source = join(PLUGIN_SOURCE, 'AnalysisComponents.java')
  await mkdir(plugin, { recursive: true })
  await run(join(jdk, 'bin/javac'), ['--release', '21', '-cp', join(home, 'lib/*'), '-d', classes, source])
  await run(join(jdk, 'bin/jar'), ['--create', '--file', join(plugin, 'ordermill-analysis.jar'), '-C', classes, '.'])
  const descriptor = await readFile(join(PLUGIN_SOURCE, 'plugin-descriptor.properties'), 'utf8')
  await writeFile(
    join(plugin, 'plugin-descriptor.properties'),
    descriptor.replace('@elasticsearch.version@', ELASTICSEARCH_VERSION),
  )
}

/** Whoever the server runs as must be able to read it all, whatever our umask; `jar` also forgets what is a program. */
async function openToAll(home: string): Promise<void> {
  await chmod(home, 0o755)
  for (const entry of await readdir(home, { recursive: true, withFileTypes: true })) {
    const isProgram = entry.isDirectory() || entry.parentPath === join(home, 'bin')
    await chmod(join(entry.parentPath, entry.name), isProgram ? 0o755 : 0o644)
  }
}
