import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import {
  dependenciesKeepToGraph,
  environmentIsRead,
  filesAreShort,
  importsKeepToGraph,
  nothingIsAny,
  processEnds,
  type Rule,
  textsAreOurs,
} from './house.ts'

const repository = join(import.meta.dirname, '..')
const files = execFileSync('git', ['ls-files', '-z'], { cwd: repository, encoding: 'utf8' })
  .split('\0')
  .filter((path) => path !== '' && existsSync(join(repository, path)))
  .map((path) => ({ path, text: readFileSync(join(repository, path), 'utf8') }))

/** A rule, files that break it, and files that only look so. Samples are put together here, lest this file break the rules. */
const rules: { rule: Rule; says: string; bad: [string, string][]; good: [string, string][] }[] = [
  {
    rule: importsKeepToGraph,
    says: 'packages import what the graph of the parts allows: model ← stores ← services',
    bad: [
      ['packages/cache/a.ts', "import { x } from '@ordermill/queue'"],
      ['packages/cache/a.ts', "import type { x } from '@ordermill/telemetry'"],
      ['packages/cache/a.ts', "import { x } from '../queue/index.ts'"],
      ['packages/database/a.ts', "import { x } from '@ordermill/config'"],
      ['packages/model/a.ts', "import { x } from '@ordermill/database'"],
      ['packages/telemetry/a.ts', "import { x } from '@ordermill/model'"],
      ['packages/cache/a.ts', "import { x } from '@ordermill/api'"],
      ['packages/cache/a.ts', "const x = await import('@ordermill/queue')"],
      ['packages/cache/a.ts', "import '../queue/index.ts'"],
      ['packages/cache/a.ts', "export * from '@ordermill/search'"],
      ['packages/cache/a.test.ts', "import { x } from '@ordermill/queue'"],
      ['services/api/a.ts', "import { x } from '../worker/batch.ts'"],
      ['services/api/a.ts', "import { x } from '@ordermill/servers/testing'"],
      ['servers/a.ts', "import { x } from '../services/api/app.ts'"],
    ],
    good: [
      [
        'packages/cache/a.ts',
        "import { x } from '@ordermill/model'\nimport { y } from './keys.ts'\nimport { Redis } from 'ioredis'",
      ],
      [
        'packages/cache/a.test.ts',
        "import { x } from '@ordermill/servers/testing'\nimport { y } from '@ordermill/config'",
      ],
      ['services/api/routes/a.ts', "import { x } from '@ordermill/queue'\nimport { y } from '../writer.ts'"],
      ['services/way.test.ts', "import { x } from './api/app.ts'"],
      ['tools/a.ts', "import { x } from '../services/api/app.ts'"],
    ],
  },
  {
    rule: dependenciesKeepToGraph,
    says: 'a package.json names no package that the code may not import',
    bad: [['packages/cache/package.json', '{"dependencies":{"@ordermill/queue":"workspace:*"}}']],
    good: [
      ['packages/cache/package.json', '{"dependencies":{"@ordermill/model":"workspace:*","ioredis":"6.0.0"}}'],
      ['packages/config/package.json', '{}'],
    ],
  },
  {
    rule: environmentIsRead,
    says: 'the environment is read in packages/config alone',
    bad: [
      ['services/api/a.ts', 'const { PATH } = process.env'],
      ['services/api/main.ts', "const port = process.env['PORT']"],
      ['packages/model/a.test.ts', 'spawn(x, { env: { ...process.env } })'],
      ['tools/a.mjs', "process['env']"],
    ],
    good: [
      ['packages/config/environment.ts', 'export const e = () => ({ ...process.env })'],
      ['services/api/a.ts', '// never process.env\nconst text = "process.env"'],
      ['docs/a.md', 'process.env'],
    ],
  },
  {
    rule: processEnds,
    says: 'a process is ended in main.ts alone',
    bad: [
      ['services/api/app.ts', 'process.exit(1)'],
      ['services/api/domain.ts', 'onError(() => process.exit(1))'],
      ['tools/a.mjs', 'process.abort()'],
    ],
    good: [
      ['services/api/main.ts', 'process.exit(1)'],
      ['tools/a.ts', "process.exitCode = 1 // not process.exit\nrun('process.exit(1)')"],
    ],
  },
  {
    rule: nothingIsAny,
    says: 'nothing is of type any',
    bad: [
      'let x: any',
      'f(x as any)',
      'const m = new Map<string, any>()',
      'let x: any[]',
      'type T = string | any',
      'let f: () => any',
      'f<any>(x)',
    ].map((text): [string, string] => ['tools/a.ts', text]),
    good: [
      [
        'tools/a.ts',
        "// any order\nconst many: unknown[] = []\nPromise.any(many)\nsay('as any')\nconst free: anything = 1",
      ],
      ['docs/a.md', 'as any'],
    ],
  },
  {
    rule: filesAreShort,
    says: 'no file of code has more than 300 lines',
    bad: [
      ['tools/a.ts', 'x\n'.repeat(301)],
      ['packages/database/migrations/a.sql', 'x\n'.repeat(301)],
      ['tools/a.mjs', 'x\n'.repeat(301)],
    ],
    good: [
      ['tools/a.ts', 'x\n'.repeat(300)],
      ['pnpm-lock.yaml', 'x\n'.repeat(301)],
    ],
  },
  {
    rule: textsAreOurs,
    says: 'texts speak of the project alone, not of a machine, a package host or how the work went',
    bad: [
      ['docs/a.md', `see ${['', 'work', 'main'].join('/')}`],
      ['tools/a.ts', `const dir = '${['', 'home', 'ann', 'x'].join('/')}'`],
      ['.npmrc', `${'regi'}stry=https://example.org/`],
      ['pnpm-lock.yaml', `resolution: {tarball${':'} https://example.org/x.tgz}`],
      ['docs/a.md', `https://${'regi'}stry.example.org/npm`],
      ['docs/a.md', `as ${'issue'} 4 asks`],
      ['docs/a.md', `left for the ${'next'} session`],
    ],
    good: [
      [
        'docs/a.md',
        'services/worker/main.ts, ./work/x, /worker, a session of Postgres, an issue of the browser, a Registry of metrics',
      ],
      ['tools/a.ts', '// https://github.com/nodejs/undici/issues/3895'],
    ],
  },
]

t.test('the tree that is checked is the whole one', async (t) => {
  t.ok(files.length > 100, `${files.length} files`)
  t.ok(files.some(({ path }) => path === 'services/api/app.ts'))
})

for (const { rule, says, bad, good } of rules) {
  t.test(`rule: ${says}`, async (t) => {
    t.strictSame(files.flatMap(rule), [])
  })

  t.test(`what breaks the rule is seen, and what only looks so is not: ${says}`, async (t) => {
    for (const [path, text] of bad) t.not(rule({ path, text }).length, 0, `${path}: ${text.slice(0, 80)}`)
    for (const [path, text] of good) t.strictSame(rule({ path, text }), [], `${path}: ${text.slice(0, 80)}`)
  })
}
