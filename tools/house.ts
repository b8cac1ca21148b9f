import { dirname, join } from 'node:path/posix'

/** A tracked file: its path from the repository's root, and its text. */
export interface HouseFile {
  path: string
  text: string
}

/** What is wrong with a file by one rule of the house; empty if nothing is. */
export type Rule = (file: HouseFile) => string[]

const model = ['packages/model']
const leaves = ['packages/config', 'packages/telemetry']
const stores = ['packages/cache', 'packages/queue', 'packages/database', 'packages/search']
const packages = [...model, ...leaves, ...stores]
const all = [...packages, 'services/api', 'services/worker', 'services', 'servers', 'tools', 'bench', 'chaos']

/** Which part may import which others: model ← cache, queue, database, search ← services; config and telemetry are leaves. */
const graph: Record<string, string[]> = {
  ...Object.fromEntries([...model, ...leaves].map((part) => [part, []])),
  ...Object.fromEntries(stores.map((part) => [part, model])),
  'services/api': packages,
  'services/worker': packages,
  servers: packages,
  services: all, // what is common to the tests of both
  tools: all,
  bench: all,
  chaos: all,
}
/** What tests may import besides: servers to run on, and the options that say where they are. */
const forTests = ['packages/model', ...leaves, 'servers', 'services']

const isCode = (path: string) => /\.(ts|mjs|js)$/.test(path)
const isTest = (path: string) => /(\.test|(^|\/)testing[\w-]*)\.ts$/.test(path)
/** Comes before there are packages, so it reads the environment and ends the process by itself. */
const isBootstrap = (path: string) => path === 'tools/run.mjs'

const partOf = (path: string): string | undefined =>
  Object.keys(graph)
    .filter((part) => path.startsWith(`${part}/`))
    .sort((a, b) => b.length - a.length)[0]

/** Code without its comments and without what its plain strings say. */
const bare = (text: string): string =>
  text
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/(^|\s)\/\/.*$/gm, '')
    .replace(/'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\$]|\\.)*`/g, "''")

/** Imports keep to the graph of the parts, by package names or by paths. */
export const importsKeepToGraph: Rule = ({ path, text }) => {
  const from = partOf(path)
  if (from === undefined || !isCode(path)) return []
  const may = [from, ...(graph[from] ?? []), ...(isTest(path) ? forTests : [])]
  const specifiers = [...text.matchAll(/(?:\bfrom|\bimport|\bimport\()\s*'([^'\n]+)'/g)].map(([, name = '']) => name)
  return specifiers.flatMap((name) => {
    const to = name.startsWith('.') ? partOf(join(dirname(path), name)) : partOfPackage(name)
    return to === undefined || may.includes(to) ? [] : [`${path} imports ${to}: ${name}`]
  })
}

function partOfPackage(name: string): string | undefined {
  const short = /^@ordermill\/([\w-]+)/.exec(name)?.[1]
  return short === undefined ? undefined : all.find((part) => part === short || part.endsWith(`/${short}`))
}

/** A package depends on those that its code may import, and on no others. */
export const dependenciesKeepToGraph: Rule = ({ path, text }) => {
  const from = path.endsWith('/package.json') ? partOf(path) : undefined
  if (from === undefined) return []
  const { dependencies = {} } = JSON.parse(text) as { dependencies?: Record<string, string> }
  return Object.keys(dependencies).flatMap((name) => {
    const to = partOfPackage(name)
    return to === undefined || graph[from]?.includes(to) ? [] : [`${path} depends on ${name}`]
  })
}

/** The environment is read in packages/config alone. */
export const environmentIsRead: Rule = ({ path, text }) =>
  isCode(path) &&
  !path.startsWith('packages/config/') &&
  !isBootstrap(path) &&
  /\bprocess\.env\b|\bprocess\[/.test(bare(text))
    ? [`${path} reads the environment`]
    : []

/** A process is ended in main.ts alone. */
export const processEnds: Rule = ({ path, text }) =>
  isCode(path) && !/(^|\/)main\.ts$/.test(path) && !isBootstrap(path) && /\bprocess\.(exit|abort)\b/.test(bare(text))
    ? [`${path} ends the process`]
    : []

/** Nothing is of type any. */
export const nothingIsAny: Rule = ({ path, text }) =>
  isCode(path)
    ? [...bare(text).matchAll(/(?:[:|&<]|\bas|=>)\s*any\b(?!\s*[(.?])|,\s*any\s*>|\bany\[\]/g)].map(
        ([found]) => `${path}: ${found}`,
      )
    : []

const linesMax = 300

/** Written from all migrations: it grows with each of them. */
const generated = 'init.sql'

/** No file of code is longer than what one reads at a sitting. */
export const filesAreShort: Rule = ({ path, text }) => {
  const lines = text.split('\n').length - 1
  return path !== generated && /\.(ts|mjs|js|sql)$/.test(path) && lines > linesMax ? [`${path} has ${lines} lines`] : []
}

/** What belongs to somebody's machine or desk: paths, hosts that packages come from, how the work was organised. */
const foreign = [
  /(?<![\w.~-])\/(?:work|home|Users)\/[\w-]+/,
  /^\s*(?:@[\w-]+:)?registry\s*=|tarball: https?:|https?:\/\/[\w.-]*(?:registry|artifactory|nexus)[\w.-]*/m,
  /\bissues? #?\d+\b/i,
  /\b(?:this|previous|last|next|earlier|coding|agent|working) session\b/i,
]

/** Texts speak of the project alone. */
export const textsAreOurs: Rule = ({ path, text }) =>
  foreign.flatMap((pattern) => {
    const found = pattern.exec(text)?.[0].trim()
    return found === undefined ? [] : [`${path} says '${found}'`]
  })
