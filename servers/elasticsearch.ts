import { readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import { accountOf, ownFolder, ownTree } from './account.ts'
import { elasticsearchHome } from './elasticsearch-home.ts'
import { findJdk } from './java.ts'
import type { Plan, Site } from './plan.ts'
import { ServerProblem } from './problem.ts'
import { pathOf } from './programs.ts'

/**
 * A real Elasticsearch on loopback, one node, without security, heap 512 MB. Needs a JDK and, for the first time,
 * Maven: throws JAVA_MISSING or DOWNLOAD_FAILED, and whoever starts it may go on without.
 */
export async function planElasticsearch(site: Site & { cache: string }): Promise<Plan> {
  const jdk = findJdk(site.env)
  if (!jdk)
    throw new ServerProblem(
      'JAVA_MISSING',
      'No JDK 21 or later was found. Install one, or set JAVA_HOME, and start again.',
    )
  const home = await elasticsearchHome({ cache: site.cache, jdk, env: site.env, log: site.log })
  const account = accountOf('elasticsearch')
  const dataDir = join(site.folder, 'elasticsearch')
  const [http, transport] = await Promise.all([site.port('ELASTICSEARCH_PORT'), site.port()])
  const url = `http://127.0.0.1:${http.number}`
  const config = join(dataDir, 'config')
  const folders = ['config', 'config/jvm.options.d', 'data', 'logs', 'snapshots', 'tmp']
  return {
    name: 'elasticsearch',
    title: 'Elasticsearch',
    command: join(home, 'bin/elasticsearch'),
    args: [],
    env: {
      PATH: pathOf(site.env),
      LANG: 'C.UTF-8',
      HOME: dataDir,
      ES_JAVA_HOME: jdk,
      ES_PATH_CONF: config,
      ES_TMPDIR: join(dataDir, 'tmp'),
    },
    account,
    dataDir,
    logFile: join(site.folder, 'elasticsearch.log'),
    ports: [http, transport],
    url,
    variables: { ELASTICSEARCH_URL: url },
    stopSignal: 'SIGTERM',
    stopTimeoutMs: 20_000,
    readyTimeoutMs: 120_000,
    async prepare() {
      ownTree(ownFolder(dataDir, account), account)
      for (const folder of folders) ownFolder(join(dataDir, folder), account)
      writeFileSync(join(config, 'elasticsearch.yml'), settings(dataDir, http.number, transport.number))
      writeFileSync(join(config, 'jvm.options'), jvmOptions(home, site.brief))
      writeFileSync(join(config, 'log4j2.properties'), LOGGING)
    },
    async ready(signal) {
      const answer = await fetch(`${url}/_cluster/health?wait_for_status=yellow&timeout=1s`, { signal })
      await answer.body?.cancel()
      if (!answer.ok) throw new Error(`health answers ${answer.status}`)
    },
  }
}

/** The cache all starts and tests of one checkout share: beside their folders. */
export function cacheBeside(folder: string): string {
  return join(dirname(folder), 'cache')
}

function settings(dataDir: string, http: number, transport: number): string {
  const values = {
    'cluster.name': 'ordermill',
    'node.name': 'ordermill',
    'discovery.type': 'single-node',
    'network.host': '127.0.0.1',
    'http.port': http,
    'transport.port': transport,
    'path.data': join(dataDir, 'data'),
    'path.logs': join(dataDir, 'logs'),
    'path.repo': join(dataDir, 'snapshots'),
    'xpack.security.enabled': false,
    // One a core: all is in memory, nobody waits for a disk. The default, half as many again and one more, has searches take cores from each
    // other: on two cores 545 a second (p99 76 ms) with four threads, 690 (p99 50 ms) with two, of the bench's set over a million orders.
    'thread_pool.search.size': availableParallelism(),
    // A development machine's disk is often nine tenths full: that must not turn indices read-only.
    'cluster.routing.allocation.disk.threshold_enabled': false,
  }
  return Object.entries(values)
    .map(([name, value]) => `${name}: ${JSON.stringify(value)}\n`)
    .join('')
}

/** The distribution's options with a small heap, and without garbage collector logs and heap dumps. */
function jvmOptions(home: string, brief: boolean): string {
  const lines = readFileSync(join(home, 'config/jvm.options'), 'utf8').split('\n')
  const kept = lines.filter((line) => line !== '' && !/^#|Xlog:gc|HeapDump/.test(line))
  // Two fifths of the CPU of its first minutes go into compiling well what runs often.
  const compiling = brief ? ['-XX:TieredStopAtLevel=1'] : []
  return ['-Xms512m', '-Xmx512m', ...compiling, ...kept, ''].join('\n')
}

const LOGGING = `status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = [%d{ISO8601}][%-5p][%-25c{1.}] %marker %m%consoleException%n
rootLogger.level = info
rootLogger.appenderRef.console.ref = console
`
