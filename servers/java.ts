import { readFileSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type Env, findProgram, foldersLike } from './programs.ts'

/** Elasticsearch 9 runs on Java 21 or later. */
const VERSION_MIN = 21

/** The home of a JDK that can run Elasticsearch and compile a plugin for it; undefined when there is none. */
export function findJdk(env: Env): string | undefined {
  const javac = findProgram('javac', env)
  const homes = [
    env.ES_JAVA_HOME,
    env.JAVA_HOME,
    javac && dirname(dirname(realpathSync(javac))),
    ...foldersLike('/usr/lib/jvm/*'),
    ...foldersLike('/Library/Java/JavaVirtualMachines/*/Contents/Home'),
    ...foldersLike('/opt/homebrew/opt/openjdk*/libexec/openjdk.jdk/Contents/Home'),
  ]
  return homes.find((home): home is string => Boolean(home) && isGoodJdk(home ?? ''))
}

function isGoodJdk(home: string): boolean {
  const programs = ['java', 'javac', 'jar'].every((name) =>
    findProgram(name, { PATH: '' }, [join(home, 'bin')])?.startsWith(home),
  )
  return programs && versionOf(home) >= VERSION_MIN
}

/** Read from the file `release` every JDK carries: asking java itself costs half a second each. */
function versionOf(home: string): number {
  try {
    return Number(/^JAVA_VERSION="(\d+)/m.exec(readFileSync(join(home, 'release'), 'utf8'))?.[1] ?? 0)
  } catch {
    return 0
  }
}
